"""An echo as a bare ASGI application, without byway: what a server does by itself."""

from __future__ import annotations

from byway.transports.base import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back each message of a WebSocket."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            body = {"bytes": event["bytes"]} if text is None else {"text": text}
            await send({"type": "websocket.send", **body})
