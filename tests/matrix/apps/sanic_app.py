"""The matrix' application in Sanic, wrapped as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from sanic import Request, Sanic
from sanic.exceptions import Unauthorized
from sanic.response import HTTPResponse
from sanic.response import json as respond_json
from sanic.response import text as respond_text

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

here: set[Any] = set()
ends: dict[str, Any] = {}

plain: Any = Sanic("matrix")
plain.config.REQUEST_MAX_SIZE = 64 << 20
plain.static("/static", STATIC)
plain.ctx.started = False


async def go_on(ws: Any) -> None:
    """Send back what comes. Where a server serves it through ASGI, an end is None."""
    while (message := await ws.recv()) is not None:
        if isinstance(message, str) and message.startswith("close:"):
            _, code, reason = message.split(":", 2)
            await ws.close(int(code), reason)
            return
        if message == "raise":
            raise RuntimeError("as asked")
        await ws.send(message)


@plain.before_server_start
async def start(app: Any) -> None:
    """Note that it was run."""
    app.ctx.started = True


@plain.websocket("/echo", subprotocols=["echo.v1"])
async def echo(request: Request, ws: Any) -> None:
    """Send back what comes."""
    await go_on(ws)


@plain.websocket("/about/<item>")
async def about(request: Request, ws: Any, item: str) -> None:
    """Say what a handler sees of its client, then send back what comes."""
    seen = {
        "item": item,
        "query": {name: request.args.get(name) for name in request.args},
        "cookies": {name: request.cookies.get(name) for name in request.cookies},
        "header": request.headers.get("x-test"),
        "root_path": request.scope["root_path"],
        "client": request.ip,
        "user": None,  # Sanic has no sessions
        "auth": None,  # nor has it authentication
    }
    await ws.send(json.dumps(seen))
    await go_on(ws)


@plain.websocket("/refuse")
async def refuse(request: Request, ws: Any) -> None:
    """Close; Sanic has accepted the client before it calls a handler."""
    await ws.close()


@plain.websocket("/deny")
async def deny(request: Request, ws: Any) -> None:
    """Refuse; Sanic has accepted the client before it calls a handler."""
    raise Unauthorized("no entry")


@plain.websocket("/room")
async def room(request: Request, ws: Any) -> None:
    """Send what one says to all."""
    here.add(ws)
    try:
        while (text := await ws.recv()) is not None:
            for one in list(here):
                with suppress(OSError):  # it has vanished
                    await one.send(text)
    finally:
        here.discard(ws)


@plain.websocket("/last")
async def last(request: Request, ws: Any) -> None:
    """Keep that the client leaves; Sanic says no more."""
    while await ws.recv() is not None:
        pass
    ends[request.args.get("id", "")] = {"code": None, "reason": None}


@plain.on_request
async def tell_last(request: Request) -> HTTPResponse | None:
    """Say it: for Sanic a WebSocket's route is one of GET, so the path can have no other."""
    if request.path != "/last" or request.scope["type"] != "http":
        return None
    return respond_json(ends.get(request.args.get("id", "")))


@plain.get("/hello")
async def hello(request: Request) -> HTTPResponse:
    """Respond."""
    return respond_text("hello")


@plain.get("/stream")
async def stream(request: Request) -> None:
    """Respond in five chunks."""
    response: Any = await request.respond(content_type="text/plain")
    for number in range(5):
        await response.send(f"chunk {number}\n")
        await asyncio.sleep(0.02)
    await response.eof()


@plain.post("/upload", stream=True)
async def upload(request: Request) -> HTTPResponse:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    chunks: Any = request.stream
    async for chunk in chunks:  # `read` waits for ever at the end of one, through ASGI
        size += len(chunk)
        digest.update(chunk)
    return respond_json({"size": size, "sha256": digest.hexdigest()})


@plain.get("/login")
async def login(request: Request) -> HTTPResponse:
    """Respond; Sanic has no sessions."""
    return respond_text(request.args["user"][0])


@plain.get("/state")
async def state(request: Request) -> HTTPResponse:
    """Say whether the lifespan has begun."""
    return respond_json({"started": plain.ctx.started})


app = FallbackMiddleware(plain)
