"""The matrix' application in BlackSheep, wrapped as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from blacksheep import Application, Content, Request, Response, StreamedContent, WebSocket
from blacksheep.server.responses import json as respond_json
from blacksheep.server.responses import text as respond_text
from blacksheep.server.routing import Router
from blacksheep.server.websocket import WebSocketDisconnectError
from guardpost import AuthenticationHandler, Identity

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")


class Bearer(AuthenticationHandler):
    """Takes the token for the name."""

    async def authenticate(self, context: Any) -> Identity | None:  # type: ignore[override]
        """Say who it is."""
        scheme, _, name = (context.get_first_header(b"authorization") or b"").partition(b" ")
        found = Identity({"name": name.decode()}, "Bearer") if scheme == b"Bearer" else None
        context.user = found
        return found


started = False
here: set[WebSocket] = set()
ends: dict[str, Any] = {}

plain = Application(router=Router())
plain.use_sessions("of the matrix")
plain.use_authentication().add(Bearer())
plain.serve_files(STATIC, root_path="static", extensions={".txt"})
ws, get, post = plain.router.ws, plain.router.get, plain.router.post


async def receive(websocket: WebSocket) -> str | bytes:
    """Receive text or binary data."""
    event: Any = await websocket.receive()
    text: str | None = event.get("text")
    return bytes(event["bytes"]) if text is None else text


async def go_on(websocket: WebSocket) -> None:
    """Send back what comes."""
    with suppress(WebSocketDisconnectError):
        while True:
            message = await receive(websocket)
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
            elif message.startswith("close:"):
                _, code, reason = message.split(":", 2)
                await websocket.close(int(code), reason)
                return
            elif message == "raise":
                raise RuntimeError("as asked")
            else:
                await websocket.send_text(message)


def name_of(request: Request) -> str:
    """Return what `id` of the query says."""
    return (request.query.get("id") or [""])[0]


@plain.on_start
async def start(_: Application) -> None:
    """Note that it was run."""
    global started
    started = True


@ws("/echo")
async def echo(websocket: WebSocket) -> None:
    """Send back what comes."""
    scope: Any = websocket.scope
    offered = scope["subprotocols"]
    await websocket.accept(subprotocol="echo.v1" if "echo.v1" in offered else None)
    await go_on(websocket)


@ws("/about/{item}")
async def about(websocket: WebSocket, item: str) -> None:
    """Say what a handler sees of its client, then send back what comes."""
    await websocket.accept()
    header = websocket.get_first_header(b"x-test")
    user: Any = websocket.user
    seen = {
        "item": item,
        "query": {name: values[0] for name, values in websocket.query.items()},
        "cookies": websocket.cookies,
        "header": None if header is None else header.decode(),
        "root_path": websocket.scope["root_path"],
        "client": websocket.client_ip,
        "user": websocket.session.get("user"),
        "auth": user.claims.get("name") if user else None,
    }
    await websocket.send_text(json.dumps(seen))
    await go_on(websocket)


@ws("/refuse")
async def refuse(websocket: WebSocket) -> None:
    """Refuse before accepting."""
    await websocket.close()


@ws("/deny")
async def deny(websocket: WebSocket) -> None:
    """Refuse; BlackSheep has no response for a WebSocket."""
    await websocket.close()


@ws("/room")
async def room(websocket: WebSocket) -> None:
    """Send what one says to all."""
    await websocket.accept()
    here.add(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for one in list(here):
                with suppress(Exception):  # it has vanished
                    await one.send_text(text)
    except WebSocketDisconnectError:
        pass
    finally:
        here.discard(websocket)


@ws("/last")
async def last(websocket: WebSocket) -> None:
    """Keep how the client leaves."""
    await websocket.accept()
    try:
        while True:
            await receive(websocket)
    except WebSocketDisconnectError as end:
        ends[name_of(websocket)] = {"code": end.code, "reason": None}


@get("/last")
async def tell_last(request: Request) -> Response:
    """Say it."""
    return respond_json(ends.get(name_of(request)))


@get("/hello")
async def hello() -> Response:
    """Respond."""
    return respond_text("hello")


@get("/stream")
async def stream() -> Response:
    """Respond in five chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(5):
            yield b"chunk %d\n" % number
            await asyncio.sleep(0.02)

    content: Content = StreamedContent(b"text/plain", chunks)
    return Response(200, content=content)


@post("/upload")
async def upload(request: Request) -> Response:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    chunks: Any = request.stream()
    async for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return respond_json({"size": size, "sha256": digest.hexdigest()})


@get("/login")
async def login(request: Request) -> Response:
    """Begin a session."""
    user = request.query["user"][0]
    request.session["user"] = user
    return respond_text(user)


@get("/state")
async def state() -> Response:
    """Say whether the lifespan has begun."""
    return respond_json({"started": started})


app = FallbackMiddleware(plain)
