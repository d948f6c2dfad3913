"""FallbackMiddleware where it does not belong: in the `middleware=[…]` of a Litestar."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, WebSocket, websocket

from byway import FallbackMiddleware


@websocket("/chat")
async def chat(socket: WebSocket[Any, Any, Any]) -> None:
    """Send back what comes."""
    await socket.accept()
    async for text in socket.iter_data("text"):
        await socket.send_text(text)


def wrapped(app: Any) -> Any:
    """Wrap what Litestar hands on: the part behind its router."""
    return FallbackMiddleware(app)


app = Litestar([chat], middleware=[wrapped])
