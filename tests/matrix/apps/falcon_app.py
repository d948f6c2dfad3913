"""The matrix' application in Falcon, wrapped as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import falcon.media
from falcon.asgi import Request, Response, WebSocket

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

started = False
here: set[WebSocket] = set()
ends: dict[str, Any] = {}


class Raw:
    """Takes a message as it is: a media handler, since Falcon has no method for both kinds."""

    def serialize(self, media: Any) -> Any:
        """Send it."""
        return media

    def deserialize(self, payload: Any) -> Any:
        """Receive it."""
        return payload


class RawText(Raw, falcon.media.TextBaseHandlerWS):
    """Of text."""


class RawBytes(Raw, falcon.media.BinaryBaseHandlerWS):
    """Of binary data."""


async def go_on(ws: WebSocket) -> None:
    """Send back what comes."""
    with suppress(falcon.WebSocketDisconnected):
        while True:
            message = await ws.receive_media()
            if isinstance(message, bytes):
                await ws.send_data(message)
                continue
            assert isinstance(message, str)
            if message.startswith("close:"):
                _, code, reason = message.split(":", 2)
                await ws.close(int(code), reason)
                return
            if message == "raise":
                raise RuntimeError("as asked")
            await ws.send_text(message)


class Echo:
    """Sends back what comes."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Serve it."""
        await ws.accept("echo.v1" if "echo.v1" in ws.subprotocols else None)
        await go_on(ws)


class About:
    """Says what a handler sees of its client, then sends back what comes."""

    async def on_websocket(self, req: Request, ws: WebSocket, item: str) -> None:
        """Serve it."""
        await ws.accept()
        seen = {
            "item": item,
            "query": req.params,
            "cookies": req.cookies,
            "header": req.get_header("X-Test"),
            "root_path": req.root_path,
            "client": req.remote_addr,
            "user": None,  # Falcon has no sessions
            "auth": None,  # nor has it authentication
        }
        await ws.send_text(json.dumps(seen))
        await go_on(ws)


class Refuse:
    """Refuses before accepting."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Serve it."""
        await ws.close()


class Deny:
    """Refuses as Falcon does it, which has no response for a WebSocket."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Serve it."""
        raise falcon.HTTPUnauthorized(title="no entry")


class Room:
    """Sends what one says to all."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Serve it."""
        await ws.accept()
        here.add(ws)
        try:
            while True:
                text = await ws.receive_text()
                for one in list(here):
                    with suppress(falcon.WebSocketDisconnected):  # it has vanished
                        await one.send_text(text)
        except falcon.WebSocketDisconnected:
            pass
        finally:
            here.discard(ws)


class Last:
    """Keeps how the client leaves, and says it."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Keep it."""
        await ws.accept()
        try:
            while True:
                await ws.receive_media()
        except falcon.WebSocketDisconnected as end:
            ends[req.get_param("id", default="")] = {"code": end.code, "reason": None}

    async def on_get(self, req: Request, resp: Response) -> None:
        """Say it."""
        resp.media = ends.get(req.get_param("id", default=""))
        if resp.media is None:
            resp.text, resp.content_type = "null", falcon.MEDIA_JSON


class Hello:
    """Responds."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Serve it."""
        resp.text, resp.content_type = "hello", falcon.MEDIA_TEXT


class Stream:
    """Responds in five chunks."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Serve it."""

        async def chunks() -> AsyncIterator[bytes]:
            for number in range(5):
                yield b"chunk %d\n" % number
                await asyncio.sleep(0.02)

        resp.stream, resp.content_type = chunks(), falcon.MEDIA_TEXT


class Upload:
    """Says what was sent."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Serve it."""
        size, digest = 0, hashlib.sha256()
        async for chunk in req.stream:
            size += len(chunk)
            digest.update(chunk)
        resp.media = {"size": size, "sha256": digest.hexdigest()}


class Login:
    """Responds; Falcon has no sessions."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Serve it."""
        resp.text = req.get_param("user", required=True)


class State:
    """Says whether the lifespan has begun."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Serve it."""
        resp.media = {"started": started}


class Lifespan:
    """Notes that it was run."""

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Note it."""
        global started
        started = True


plain: falcon.asgi.App[Any, Any] = falcon.asgi.App(middleware=Lifespan())
plain.ws_options.media_handlers[falcon.WebSocketPayloadType.TEXT] = RawText()
plain.ws_options.media_handlers[falcon.WebSocketPayloadType.BINARY] = RawBytes()
plain.add_route("/about/{item}", About())
plain.add_route("/deny", Deny())
plain.add_route("/echo", Echo())
plain.add_route("/hello", Hello())
plain.add_route("/last", Last())
plain.add_route("/login", Login())
plain.add_route("/refuse", Refuse())
plain.add_route("/room", Room())
plain.add_route("/state", State())
plain.add_route("/stream", Stream())
plain.add_route("/upload", Upload())
plain.add_static_route("/static", STATIC)
app = FallbackMiddleware(plain)
