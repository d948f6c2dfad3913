"""The matrix' application in Starlette, wrapped by its list of middleware."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

started = False
here: set[WebSocket] = set()
ends: dict[str, Any] = {}


class Bearer(AuthenticationBackend):
    """Takes the token for the name."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Say who it is."""
        scheme, _, name = conn.headers.get("authorization", "").partition(" ")
        return (AuthCredentials(), SimpleUser(name)) if scheme == "Bearer" else None


async def receive(socket: WebSocket) -> str | bytes:
    """Receive text or binary data."""
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"], event.get("reason"))
    text = event.get("text")
    return cast("str | bytes", event["bytes"] if text is None else text)


async def go_on(socket: WebSocket) -> None:
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


async def echo(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept("echo.v1" if "echo.v1" in socket.scope["subprotocols"] else None)
    await go_on(socket)


async def about(socket: WebSocket) -> None:
    """Say what a handler sees of its client, then send back what comes."""
    await socket.accept()
    user = socket.user.display_name if socket.user.is_authenticated else None
    await socket.send_json(
        {
            "item": socket.path_params["item"],
            "query": dict(socket.query_params),
            "cookies": socket.cookies,
            "header": socket.headers.get("x-test"),
            "root_path": socket.scope["root_path"],
            "client": socket.client.host if socket.client else None,
            "user": socket.session.get("user"),
            "auth": user,
        }
    )
    await go_on(socket)


async def refuse(socket: WebSocket) -> None:
    """Refuse before accepting."""
    await socket.close()


async def deny(socket: WebSocket) -> None:
    """Refuse with a response."""
    await socket.send_denial_response(PlainTextResponse("no entry", 401, {"x-denied": "yes"}))


async def room(socket: WebSocket) -> None:
    """Send what one says to all."""
    await socket.accept()
    here.add(socket)
    try:
        while True:
            text = await socket.receive_text()
            for one in list(here):
                with suppress(WebSocketDisconnect, RuntimeError):  # it has vanished
                    await one.send_text(text)
    except WebSocketDisconnect:
        pass
    finally:
        here.discard(socket)


async def last(socket: WebSocket) -> None:
    """Keep how the client leaves."""
    await socket.accept()
    try:
        while True:
            await receive(socket)
    except WebSocketDisconnect as end:
        name = socket.query_params.get("id", "")
        ends[name] = {"code": end.code, "reason": end.reason}


async def tell_last(request: Request) -> Response:
    """Say it."""
    return JSONResponse(ends.get(request.query_params.get("id", "")))


async def hello(request: Request) -> Response:
    """Respond."""
    return PlainTextResponse("hello")


async def stream(request: Request) -> Response:
    """Respond in five chunks."""

    async def chunks() -> AsyncIterator[str]:
        for number in range(5):
            yield f"chunk {number}\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(chunks(), media_type="text/plain")


async def upload(request: Request) -> Response:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        digest.update(chunk)
    return JSONResponse({"size": size, "sha256": digest.hexdigest()})


async def login(request: Request) -> Response:
    """Begin a session."""
    request.session["user"] = request.query_params["user"]
    return PlainTextResponse(request.query_params["user"])


async def state(request: Request) -> Response:
    """Say whether the lifespan has begun."""
    return JSONResponse({"started": started})


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Note that it was run."""
    global started
    started = True
    yield


ROUTES = [
    WebSocketRoute("/about/{item}", about),
    WebSocketRoute("/deny", deny),
    WebSocketRoute("/echo", echo),
    WebSocketRoute("/last", last),
    WebSocketRoute("/refuse", refuse),
    WebSocketRoute("/room", room),
    Route("/hello", hello),
    Route("/last", tell_last),
    Route("/login", login),
    Route("/state", state),
    Route("/stream", stream),
    Route("/upload", upload, methods=["POST"]),
    Mount("/static", StaticFiles(directory=STATIC)),
]
MIDDLEWARE = [
    Middleware(SessionMiddleware, secret_key="of the matrix"),
    Middleware(AuthenticationMiddleware, backend=Bearer()),
]

plain = Starlette(routes=ROUTES, middleware=MIDDLEWARE, lifespan=lifespan)
app = Starlette(
    routes=ROUTES, middleware=[Middleware(FallbackMiddleware), *MIDDLEWARE], lifespan=lifespan
)
