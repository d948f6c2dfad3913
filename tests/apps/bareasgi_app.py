"""The contract suite's application in bareASGI."""

from __future__ import annotations

import logging
from typing import Any, cast

from bareasgi import Application, WebSocketRequest

from byway import FallbackMiddleware
from tests.apps.handlers import HANDLERS, Handler, query
from tests.apps.limits import IMPATIENT

logger = logging.getLogger("tests.app")


def request_handler(handler: Handler) -> Any:
    """Turn a handler into one of bareASGI's."""

    async def serve(request: WebSocketRequest) -> None:
        scope = cast(dict[str, Any], request.scope)
        await handler(request.web_socket, scope, request.matches)

    return serve


async def closing(request: WebSocketRequest) -> None:
    """Close with a code; bareASGI's `close` takes no reason."""
    await request.web_socket.accept()
    await request.web_socket.receive()
    await request.web_socket.close(int(query(cast(dict[str, Any], request.scope))["code"]))


async def ending(request: WebSocketRequest) -> None:
    """Name in the log how the client leaves; bareASGI 4.4.1 keeps the code where none can ask."""
    name = query(cast(dict[str, Any], request.scope))["id"]
    socket = cast(Any, request.web_socket)
    await socket.accept()
    logger.info("%s began", name)
    count = 0
    last: object = None
    while (message := await socket.receive()) is not None:
        count, last = count + 1, message
    logger.info("%s got %d messages, the last %r", name, count, last)
    logger.info("%s ended with %s, code says %s", name, socket._code, socket.code)


async def deny(request: WebSocketRequest) -> None:
    """Refuse with an answer of its own, for which bareASGI has no call."""
    send = cast(Any, request.web_socket)._send
    await send(
        {
            "type": "websocket.http.response.start",
            "status": 429,
            "headers": [(b"retry-after", b"7"), (b"content-type", b"text/plain")],
        }
    )
    await send({"type": "websocket.http.response.body", "body": b"come ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"back later"})


def make_application() -> Application:
    """Make it."""
    application = Application()
    for name, handler in HANDLERS.items():
        application.ws_router.add(f"/{name}", request_handler(handler))
    application.ws_router.add("/info/{name}/{number:int}", request_handler(HANDLERS["info"]))
    application.ws_router.add("/closing", closing)
    application.ws_router.add("/ending", ending)
    application.ws_router.add("/deny", deny)
    return application


plain = cast(Any, make_application())
app = FallbackMiddleware(plain)
impatient = FallbackMiddleware(plain, limits=IMPATIENT)
