"""A chat for Litestar.

Run it: uvicorn examples.frameworks.litestar_app:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

from contextlib import suppress
from typing import Any

from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath

from byway import FallbackMiddleware

present: dict[str, WebSocket[Any, Any, Any]] = {}


@websocket("/chat/{name:str}")
async def chat(socket: WebSocket[Any, Any, Any], name: FromPath[str]) -> None:
    """Pass on what a visitor says."""
    if name in present:
        await socket.close()  # before accept: the client is refused with status 403
        return
    await socket.accept()
    present[name] = socket
    try:
        await socket.send_text(f"welcome, {name}")
        async for text in socket.iter_data("text"):
            for other in list(present.values()):
                with suppress(WebSocketDisconnect):  # it has just gone
                    await other.send_text(f"{name}: {text}")
    finally:
        del present[name]


app = FallbackMiddleware(Litestar(route_handlers=[chat]))
