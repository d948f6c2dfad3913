"""A chat with htmx and its WebSocket extension, which know nothing of byway.

Run it: uvicorn examples.htmx_chat:app
Try it: http://127.0.0.1:8000/ in two browsers
Block WebSockets: byway proxy --profile refuse-403, then http://127.0.0.1:8080/
"""

import json
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from byway import FallbackMiddleware, browser

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chat</title><link rel="icon" href="data:,">
<script type="module" src="/byway/byway.js?install"></script>
<script src="https://cdn.jsdelivr.net/npm/htmx.org@2.0.11/dist/htmx.min.js"></script>
<script src="https://cdn.jsdelivr.net/npm/htmx-ext-ws@2.0.4/dist/ws.min.js"></script>
<main hx-ext="ws" ws-connect="/chat">
  <ul id="said"></ul>
  <form ws-send hx-on::ws-after-send="this.reset()">
    <input name="text" aria-label="Your words" autocomplete="off" required autofocus>
    <button>Say</button>
  </form>
</main>
"""

GONE = (WebSocketDisconnect, WebSocketDisconnected)

present: set[WebSocket] = set()


async def page(request: Request) -> Response:
    """Show the chat."""
    return HTMLResponse(PAGE)


async def chat(websocket: WebSocket) -> None:
    """Append what one visitor says to every visitor's list."""
    await websocket.accept()
    present.add(websocket)
    try:
        async for form in websocket.iter_text():
            said = f"<li>{escape(json.loads(form)['text'])}</li>"
            for one in list(present):
                try:
                    await one.send_text(f'<ul id="said" hx-swap-oob="beforeend">{said}</ul>')
                except GONE:
                    present.discard(one)
    except GONE:
        pass  # another handler saw it first
    finally:
        present.discard(websocket)


application = Starlette(
    routes=[
        Route("/", page),
        Mount("/byway", browser.app),
        WebSocketRoute("/chat", chat),
    ]
)
app = FallbackMiddleware(application)
