"""A chat for Sanic, served through ASGI.

Run it: uvicorn examples.frameworks.sanic_app:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

from contextlib import suppress
from typing import Any

from sanic import Request, Sanic

from byway import FallbackMiddleware

application = Sanic("chat")
present: dict[str, Any] = {}


@application.websocket("/chat/<name>")
async def chat(request: Request, ws: Any, name: str) -> None:
    """Pass on what a visitor says."""
    if name in present:
        return  # Sanic has accepted already: the client is closed with 1000
    present[name] = ws
    try:
        await ws.send(f"welcome, {name}")
        while (text := await ws.recv()) is not None:  # None is the end
            for other in list(present.values()):
                with suppress(OSError):  # it has just gone
                    await other.send(f"{name}: {text}")
    finally:
        del present[name]


app = FallbackMiddleware(application)
