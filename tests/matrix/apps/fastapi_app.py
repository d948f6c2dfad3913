"""The matrix' application in FastAPI, wrapped with `add_middleware`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")


class Bearer(AuthenticationBackend):
    """Takes the token for the name."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Say who it is."""
        scheme, _, name = conn.headers.get("authorization", "").partition(" ")
        return (AuthCredentials(), SimpleUser(name)) if scheme == "Bearer" else None


class ConnectionManager:
    """Who is in the room, as FastAPI's own page has it."""

    def __init__(self) -> None:
        """Start empty."""
        self.active: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        """Let one in."""
        await websocket.accept()
        self.active.append(websocket)

    def disconnect(self, websocket: WebSocket) -> None:
        """Let one go."""
        self.active.remove(websocket)

    async def broadcast(self, message: str) -> None:
        """Send to all."""
        for connection in list(self.active):
            with suppress(WebSocketDisconnect, RuntimeError):  # it has vanished
                await connection.send_text(message)


async def receive(websocket: WebSocket) -> str | bytes:
    """Receive text or binary data."""
    event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"], event.get("reason"))
    text = event.get("text")
    return cast("str | bytes", event["bytes"] if text is None else text)


async def go_on(websocket: WebSocket) -> None:
    """Send back what comes."""
    with suppress(WebSocketDisconnect):
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


def host(connection: HTTPConnection) -> str | None:
    """Return the client's address: a dependency."""
    return connection.client.host if connection.client else None


def user(connection: HTTPConnection) -> str | None:
    """Return the session's user: a dependency."""
    return cast("str | None", connection.session.get("user"))


def make_application() -> FastAPI:
    """Make it."""
    started = False
    manager = ConnectionManager()
    ends: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal started
        started = True
        yield

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(AuthenticationMiddleware, backend=Bearer())
    app.add_middleware(SessionMiddleware, secret_key="of the matrix")
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept("echo.v1" if "echo.v1" in offered else None)
        await go_on(websocket)

    @app.websocket("/about/{item}")
    async def about(
        websocket: WebSocket,
        item: str,
        client: Annotated[str | None, Depends(host)],
        session_user: Annotated[str | None, Depends(user)],
        x_test: Annotated[str | None, Header()] = None,
    ) -> None:
        await websocket.accept()
        name = websocket.user.display_name if websocket.user.is_authenticated else None
        await websocket.send_json(
            {
                "item": item,
                "query": dict(websocket.query_params),
                "cookies": websocket.cookies,
                "header": x_test,
                "root_path": websocket.scope["root_path"],
                "client": client,
                "user": session_user,
                "auth": name,
            }
        )
        await go_on(websocket)

    @app.websocket("/refuse")
    async def refuse(websocket: WebSocket) -> None:
        await websocket.close()

    @app.websocket("/deny")
    async def deny(websocket: WebSocket) -> None:
        await websocket.send_denial_response(
            PlainTextResponse("no entry", 401, {"x-denied": "yes"})
        )

    @app.websocket("/room")
    async def room(websocket: WebSocket) -> None:
        await manager.connect(websocket)
        try:
            while True:
                await manager.broadcast(await websocket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            manager.disconnect(websocket)

    @app.websocket("/last")
    async def last(websocket: WebSocket, name: Annotated[str, Query(alias="id")] = "") -> None:
        await websocket.accept()
        try:
            while True:
                await receive(websocket)
        except WebSocketDisconnect as end:
            ends[name] = {"code": end.code, "reason": end.reason}

    @app.get("/last")
    async def tell_last(name: Annotated[str, Query(alias="id")] = "") -> Any:
        return ends.get(name)

    @app.get("/hello", response_class=PlainTextResponse)
    async def hello() -> str:
        return "hello"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            for number in range(5):
                yield f"chunk {number}\n"
                await asyncio.sleep(0.02)

        return StreamingResponse(chunks(), media_type="text/plain")

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, object]:
        size, digest = 0, hashlib.sha256()
        async for chunk in request.stream():
            size += len(chunk)
            digest.update(chunk)
        return {"size": size, "sha256": digest.hexdigest()}

    @app.get("/login")
    async def login(request: Request, name: Annotated[str, Query(alias="user")]) -> str:
        request.session["user"] = name
        return name

    @app.get("/state")
    async def state() -> dict[str, bool]:
        return {"started": started}

    return app


plain = make_application()
app = make_application()
app.add_middleware(FallbackMiddleware)  # the last one added is the outermost
