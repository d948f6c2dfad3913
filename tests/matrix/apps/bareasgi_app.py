"""The matrix' application in bareASGI, wrapped as a whole.

bareASGI has neither sessions nor authentication nor static files; users write them with its
middleware, and so does this.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from bareasgi import Application, HttpRequest, HttpResponse, WebSocketRequest, text_writer

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

TELLS = int(version("bareASGI").split(".")[0]) >= 5
"""Whether a WebSocket has reasons; that of 4.4 has none, and its `code` is always one text."""

here: set[Any] = set()
ends: dict[str, Any] = {}
sessions: dict[str, str] = {}
started = False


def header(scope: Any, name: bytes) -> str | None:
    """Return a header's value."""
    return next((value.decode() for key, value in scope["headers"] if key == name), None)


def cookies(scope: Any) -> dict[str, str]:
    """Return the cookies."""
    pairs = (one.strip().partition("=") for one in (header(scope, b"cookie") or "").split(";"))
    return {name: value for name, _, value in pairs if name}


def query(scope: Any) -> dict[str, str]:
    """Return the query."""
    return dict(parse_qsl(scope["query_string"].decode()))


async def session(request: WebSocketRequest, handler: Any) -> None:
    """Put the session's user into the context."""
    request.context["user"] = sessions.get(cookies(request.scope).get("session", ""))
    await handler(request)


async def bearer(request: WebSocketRequest, handler: Any) -> None:
    """Take the token for the name."""
    scheme, _, name = (header(request.scope, b"authorization") or "").partition(" ")
    request.context["auth"] = name if scheme == "Bearer" else None
    await handler(request)


async def go_on(request: WebSocketRequest) -> None:
    """Send back what comes."""
    socket = cast(Any, request.web_socket)
    while (message := await socket.receive()) is not None:
        if isinstance(message, str) and message.startswith("close:"):
            _, code, reason = message.split(":", 2)
            await (socket.close(int(code), reason) if TELLS else socket.close(int(code)))
            return
        if message == "raise":
            raise RuntimeError("as asked")
        await socket.send(message)


async def echo(request: WebSocketRequest) -> None:
    """Send back what comes."""
    offered = request.scope["subprotocols"]
    await request.web_socket.accept("echo.v1" if "echo.v1" in offered else None)
    await go_on(request)


async def about(request: WebSocketRequest) -> None:
    """Say what a handler sees of its client, then send back what comes."""
    scope = cast(Any, request.scope)
    await request.web_socket.accept()
    seen = {
        "item": request.matches["item"],
        "query": query(scope),
        "cookies": cookies(scope),
        "header": header(scope, b"x-test"),
        "root_path": scope["root_path"],
        "client": scope["client"][0],
        "user": request.context["user"],
        "auth": request.context["auth"],
    }
    await request.web_socket.send(json.dumps(seen))
    await go_on(request)


async def refuse(request: WebSocketRequest) -> None:
    """Refuse before accepting."""
    await request.web_socket.close()


async def room(request: WebSocketRequest) -> None:
    """Send what one says to all."""
    socket = request.web_socket
    await socket.accept()
    here.add(socket)
    try:
        while (text := await socket.receive()) is not None:
            for one in list(here):
                try:
                    await one.send(text)
                except Exception:
                    here.discard(one)  # it has vanished; each server says it in its own way
    finally:
        here.discard(socket)


async def last(request: WebSocketRequest) -> None:
    """Keep how the client leaves; of bareASGI 4.4 from where it keeps the code."""
    socket = cast(Any, request.web_socket)
    await socket.accept()
    while await socket.receive() is not None:
        pass
    told = (socket.code, socket.reason) if TELLS else (socket._code, None)
    ends[query(request.scope).get("id", "")] = {"code": told[0], "reason": told[1]}


def respond(body: str, content_type: bytes = b"text/plain", *headers: Any) -> HttpResponse:
    """Make a response."""
    return HttpResponse(200, [(b"content-type", content_type), *headers], text_writer(body))


async def tell_last(request: HttpRequest) -> HttpResponse:
    """Say it."""
    end = ends.get(query(request.scope).get("id", ""))
    return respond(json.dumps(end), b"application/json")


async def hello(request: HttpRequest) -> HttpResponse:
    """Respond."""
    return respond("hello")


async def stream(request: HttpRequest) -> HttpResponse:
    """Respond in five chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(5):
            yield b"chunk %d\n" % number
            await asyncio.sleep(0.02)

    return HttpResponse(200, [(b"content-type", b"text/plain")], chunks())


async def upload(request: HttpRequest) -> HttpResponse:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    async for chunk in request.body:
        size += len(chunk)
        digest.update(chunk)
    told = {"size": size, "sha256": digest.hexdigest()}
    return respond(json.dumps(told), b"application/json")


async def file(request: HttpRequest) -> HttpResponse:
    """Respond with a file."""
    return respond((STATIC / "file.txt").read_text())


async def login(request: HttpRequest) -> HttpResponse:
    """Begin a session."""
    name = secrets.token_urlsafe()
    user = sessions[name] = query(request.scope)["user"]
    return respond(user, b"text/plain", (b"set-cookie", f"session={name}; Path=/".encode()))


async def state(request: HttpRequest) -> HttpResponse:
    """Say whether the lifespan has begun."""
    return respond(json.dumps({"started": started}), b"application/json")


async def start(_: Any) -> None:
    """Note that it was run."""
    global started
    started = True


def make_application() -> Application:
    """Make it."""
    application = Application(ws_middlewares=[session, bearer], startup_handlers=[start])
    for path, handler in (
        ("/about/{item}", about),
        ("/deny", refuse),  # it has no response for a WebSocket
        ("/echo", echo),
        ("/last", last),
        ("/refuse", refuse),
        ("/room", room),
    ):
        application.ws_router.add(path, handler)
    for path, respond_to in (
        ("/hello", hello),
        ("/last", tell_last),
        ("/login", login),
        ("/state", state),
        ("/static/file.txt", file),
        ("/stream", stream),
    ):
        application.http_router.add({"GET"}, path, respond_to)
    application.http_router.add({"POST"}, "/upload", upload)
    return application


plain = cast(Any, make_application())
app = FallbackMiddleware(plain)
