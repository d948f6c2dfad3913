"""The matrix' application in Litestar, wrapped as a whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, Request, WebSocket, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, WebSocketDisconnect
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from litestar.static_files import create_static_files_router

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

Socket = WebSocket[Any, Any, Any]
AnyRequest = Request[Any, Any, Any]


class Bearer(AbstractAuthenticationMiddleware):
    """Takes the token for the name."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Say who it is."""
        scheme, _, name = connection.headers.get("authorization", "").partition(" ")
        return AuthenticationResult(user=name if scheme == "Bearer" else None, auth=None)


started = False
here: set[Socket] = set()
ends: dict[str, Any] = {}


async def receive(socket: Socket) -> str | bytes:
    """Receive text or binary data: `receive_text` takes binary data for an empty text."""
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(detail=str(event.get("reason") or ""), code=event["code"])
    assert event["type"] == "websocket.receive"
    text = event.get("text")
    return event["bytes"] or b"" if text is None else text


async def go_on(socket: Socket) -> None:
    """Send back what comes."""
    with suppress(WebSocketDisconnect):
        while True:
            message = await receive(socket)
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            elif message.startswith("close:"):
                _, code, reason = message.split(":", 2)
                await socket.close(int(code), reason)
                return
            elif message == "raise":
                raise RuntimeError("as asked")
            else:
                await socket.send_text(message)


@websocket("/echo")
async def echo(socket: Socket) -> None:
    """Send back what comes."""
    offered = socket.scope["subprotocols"]
    await socket.accept("echo.v1" if "echo.v1" in offered else None)
    await go_on(socket)


@websocket("/about/{item:str}")
async def about(socket: Socket, item: FromPath[str]) -> None:
    """Say what a handler sees of its client, then send back what comes."""
    await socket.accept()
    await socket.send_json(
        {
            "item": item,
            "query": dict(socket.query_params),
            "cookies": socket.cookies,
            "header": socket.headers.get("x-test"),
            "root_path": socket.scope["root_path"],
            "client": socket.client.host if socket.client else None,
            "user": socket.session.get("user"),
            "auth": socket.user,
        }
    )
    await go_on(socket)


@websocket("/refuse")
async def refuse(socket: Socket) -> None:
    """Refuse before accepting."""
    await socket.close()


@websocket("/deny")
async def deny(socket: Socket) -> None:
    """Refuse as Litestar does it, which has no response for a WebSocket."""
    raise NotAuthorizedException("no entry")


@websocket("/room")
async def room(socket: Socket) -> None:
    """Send what one says to all."""
    await socket.accept()
    here.add(socket)
    try:
        async for text in socket.iter_data("text"):
            for one in list(here):
                with suppress(WebSocketDisconnect, OSError):  # it has vanished
                    await one.send_text(text)
    finally:
        here.discard(socket)


@websocket("/last")
async def last(socket: Socket) -> None:
    """Keep how the client leaves."""
    await socket.accept()
    try:
        while True:
            await receive(socket)
    except WebSocketDisconnect as end:
        ends[socket.query_params.get("id", "")] = {"code": end.code, "reason": end.detail}


@get("/last")
async def tell_last(request: AnyRequest) -> Any:
    """Say it."""
    return ends.get(request.query_params.get("id", ""))


@get("/hello", media_type=MediaType.TEXT)
async def hello() -> str:
    """Respond."""
    return "hello"


@get("/stream")
async def stream() -> Stream:
    """Respond in five chunks."""

    async def chunks() -> AsyncIterator[str]:
        for number in range(5):
            yield f"chunk {number}\n"
            await asyncio.sleep(0.02)

    return Stream(chunks(), media_type=MediaType.TEXT)


@post("/upload", status_code=200, request_max_body_size=None)
async def upload(request: AnyRequest) -> dict[str, object]:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        digest.update(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


@get("/login")
async def login(request: AnyRequest, user: FromQuery[str]) -> str:
    """Begin a session."""
    request.set_session({"user": user})
    return user


@get("/state")
async def state() -> dict[str, bool]:
    """Say whether the lifespan has begun."""
    return {"started": started}


@asynccontextmanager
async def lifespan(_: Litestar) -> AsyncIterator[None]:
    """Note that it was run."""
    global started
    started = True
    yield


plain = Litestar(
    route_handlers=[
        about,
        create_static_files_router("/static", [STATIC]),
        deny,
        echo,
        hello,
        last,
        login,
        refuse,
        room,
        state,
        stream,
        tell_last,
        upload,
    ],
    middleware=[ServerSideSessionConfig().middleware, Bearer],
    lifespan=[lifespan],
)
app = FallbackMiddleware(plain)
