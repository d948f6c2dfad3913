"""The matrix' application in Quart, wrapped in the way of Flask: `app.asgi_app =`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from quart import Quart, Websocket, request, session, websocket

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")


async def go_on() -> None:
    """Send back what comes; Quart cancels it when the client is gone."""
    while True:
        message = await websocket.receive()
        if isinstance(message, str) and message.startswith("close:"):
            _, code, reason = message.split(":", 2)
            await websocket.close(int(code), reason)
            return
        if message == "raise":
            raise RuntimeError("as asked")
        await websocket.send(message)


def make_application() -> Quart:
    """Make it."""
    app = Quart(__name__, static_folder=str(STATIC))
    app.secret_key = "of the matrix"
    app.config["MAX_CONTENT_LENGTH"] = None
    started = False
    here: set[Websocket] = set()
    ends: dict[str, Any] = {}

    @app.before_serving
    async def start() -> None:
        nonlocal started
        started = True

    @app.websocket("/echo")
    async def echo() -> None:
        offered = websocket.requested_subprotocols
        await websocket.accept(subprotocol="echo.v1" if "echo.v1" in offered else None)
        await go_on()

    @app.websocket("/about/<item>")
    async def about(item: str) -> None:
        seen = {
            "item": item,
            "query": websocket.args.to_dict(),
            "cookies": dict(websocket.cookies),
            "header": websocket.headers.get("X-Test"),
            "root_path": websocket.root_path,
            "client": websocket.remote_addr,
            "user": session.get("user"),
            "auth": None,  # it comes from extensions
        }
        await websocket.send(json.dumps(seen))
        await go_on()

    @app.websocket("/refuse")
    async def refuse() -> None:
        await websocket.close(1000)

    @app.websocket("/deny")
    async def deny() -> tuple[str, int, dict[str, str]]:
        return "no entry", 401, {"x-denied": "yes"}

    @app.websocket("/room")
    async def room() -> None:
        await websocket.accept()
        me = websocket._get_current_object()  # type: ignore[attr-defined]
        here.add(me)
        try:
            while True:
                text = await websocket.receive()
                for one in list(here):
                    with suppress(OSError):  # it has vanished
                        await one.send(text)
        finally:
            here.discard(me)

    @app.websocket("/last")
    async def last() -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.receive()
        except asyncio.CancelledError:  # all that Quart says
            ends[websocket.args.get("id", "")] = {"code": None, "reason": None}
            raise

    @app.get("/last")
    async def tell_last() -> tuple[str, dict[str, str]]:
        told = json.dumps(ends.get(request.args.get("id", "")))
        return told, {"content-type": "application/json"}

    @app.get("/hello")
    async def hello() -> tuple[str, dict[str, str]]:
        return "hello", {"content-type": "text/plain"}

    @app.get("/stream")
    async def stream() -> tuple[AsyncIterator[str], dict[str, str]]:
        async def chunks() -> AsyncIterator[str]:
            for number in range(5):
                yield f"chunk {number}\n"
                await asyncio.sleep(0.02)

        return chunks(), {"content-type": "text/plain"}

    @app.post("/upload")
    async def upload() -> dict[str, object]:
        size, digest = 0, hashlib.sha256()
        async for chunk in request.body:
            size += len(chunk)
            digest.update(chunk)
        return {"size": size, "sha256": digest.hexdigest()}

    @app.get("/login")
    async def login() -> str:
        session["user"] = request.args["user"]
        return request.args["user"]

    @app.get("/state")
    async def state() -> dict[str, bool]:
        return {"started": started}

    return app


plain = make_application()
app = make_application()
app.asgi_app = FallbackMiddleware(app.asgi_app)  # type: ignore[method-assign, assignment]
