"""A page that talks to an echo, whatever the network lets through.

    uvicorn examples.browser_echo:app

Then open http://127.0.0.1:8000/. Without WebSockets: `byway proxy --profile refuse-403`, and
open http://127.0.0.1:8080/.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

import byway.browser
from byway import FallbackMiddleware

PAGE = """<!doctype html>
<title>byway</title>
<output></output>
<script type="module">
  import { BywaySocket } from "/byway/byway.js"

  const socket = new BywaySocket("/echo")
  socket.onopen = () => socket.send("are you there?")
  socket.onmessage = ({ data }) => {
    document.querySelector("output").textContent = `${data}, over ${socket.transport}`
  }
</script>
"""


async def page(request: Request) -> HTMLResponse:
    """Respond with the page."""
    return HTMLResponse(PAGE)


async def echo(socket: WebSocket) -> None:
    """Send back what the page sends."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


app = FallbackMiddleware(
    Starlette(
        routes=[
            Route("/", page),
            WebSocketRoute("/echo", echo),
            Mount("/byway", byway.browser.app),
        ]
    )
)
