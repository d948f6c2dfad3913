"""The contract suite's application in Starlette, in Starlette's own words."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from byway import FallbackMiddleware
from tests.apps.handlers import HEADERS, ExpectedFailure, describe
from tests.apps.limits import IMPATIENT

logger = logging.getLogger("tests.app")


async def receive(socket: WebSocket) -> str | bytes:
    """Receive text or binary data."""
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"], event.get("reason"))
    return cast("str | bytes", event["text"] if "text" in event else event["bytes"])


async def send(socket: WebSocket, message: str | bytes) -> None:
    """Send text or binary data."""
    if isinstance(message, str):
        await socket.send_text(message)
    else:
        await socket.send_bytes(message)


async def echo(socket: WebSocket) -> None:
    """Send back what comes, and name in the log what texts begin with `log:`."""
    await socket.accept()
    try:
        while True:
            message = await receive(socket)
            if isinstance(message, str) and message.startswith("log:"):
                logger.info("said %s", message[4:])
            await send(socket, message)
    except WebSocketDisconnect:
        pass


async def push(socket: WebSocket) -> None:
    """Send numbers from 0 up while the client does the same, and judge what comes."""
    await socket.accept()
    count = int(socket.query_params["count"])

    async def send_all() -> None:
        for number in range(count):
            await socket.send_text(f"down {number}")

    sending = asyncio.create_task(send_all())
    wrong = "in order"
    for number in range(count):
        message = await receive(socket)
        if message != f"up {number}":
            wrong = f"expected {number}, got {message!r}"
            break
    await sending
    await socket.send_text(wrong)
    await socket.receive()


async def choose(socket: WebSocket) -> None:
    """Accept with the last of the subprotocols offered."""
    offered = socket.scope["subprotocols"]
    await socket.accept(offered[-1] if offered else None)
    await socket.send_text(json.dumps(list(offered)))
    await socket.receive()


async def headers(socket: WebSocket) -> None:
    """Accept with headers and two cookies."""
    await socket.accept(headers=list(HEADERS))
    await socket.receive()


async def refuse(socket: WebSocket) -> None:
    """Refuse before accepting."""
    logger.info("refusing %s", socket.query_params.get("id", ""))
    await socket.close()


async def deny(socket: WebSocket) -> None:
    """Refuse with an answer of its own."""
    await socket.send_denial_response(
        PlainTextResponse("come back later", 429, {"retry-after": "7"})
    )


async def info(socket: WebSocket) -> None:
    """Say what the handler sees of its client."""
    await socket.accept()
    await socket.send_text(describe(socket.scope, socket.path_params))
    await socket.receive()


async def fail(socket: WebSocket) -> None:
    """Raise at the first message."""
    await socket.accept()
    await socket.receive()
    raise ExpectedFailure(socket.query_params["id"])


async def fail_early(socket: WebSocket) -> None:
    """Raise before accepting."""
    raise ExpectedFailure(socket.query_params["id"])


async def deaf(socket: WebSocket) -> None:
    """Accept, and read nothing for ever."""
    await socket.accept()
    await socket.send_text("accepted")
    await asyncio.Event().wait()


async def closing(socket: WebSocket) -> None:
    """Close with a code and a reason."""
    await socket.accept()
    await socket.receive()
    await socket.close(int(socket.query_params["code"]), socket.query_params["reason"])


async def ending(socket: WebSocket) -> None:
    """Name in the log how the client leaves."""
    name = socket.query_params["id"]
    await socket.accept()
    logger.info("%s began", name)
    count = 0
    last: object = None
    try:
        while True:
            last = await receive(socket)
            count += 1
    except WebSocketDisconnect as end:
        logger.info("%s got %d messages, the last %r", name, count, last)
        logger.info("%s ended with %s, reason %r", name, end.code, end.reason)


async def page(request: Request) -> JSONResponse:
    """Answer an ordinary HTTP request with what was asked."""
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "headers": [
                [name.decode(), value.decode()] for name, value in request.scope["headers"]
            ],
            "body": body.decode(),
            "keys": sorted(request.scope),
        },
        headers={"x-page": "1"},
    )


def make_application() -> Starlette:
    """Make it."""
    return Starlette(
        routes=[
            Route("/page", page, methods=["GET", "POST", "PUT", "OPTIONS"]),
            WebSocketRoute("/choose", choose),
            WebSocketRoute("/closing", closing),
            WebSocketRoute("/deaf", deaf),
            WebSocketRoute("/deny", deny),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/ending", ending),
            WebSocketRoute("/fail", fail),
            WebSocketRoute("/fail-early", fail_early),
            WebSocketRoute("/headers", headers),
            WebSocketRoute("/info/{name}/{number:int}", info),
            WebSocketRoute("/info", info),
            WebSocketRoute("/push", push),
            WebSocketRoute("/refuse", refuse),
        ]
    )


plain: Any = make_application()
app = FallbackMiddleware(plain)
impatient = FallbackMiddleware(plain, limits=IMPATIENT)
