"""Serving: a call is served, and what the peer does wrong is responded to and logged.

Knows: what a refusal looks like in the log, and whether an answer has begun.
Must not know: sessions, transports, why a call is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import quote

from byway.errors import PeerError
from byway.server.bodies import ClientLeft
from byway.server.call import Call, Serve
from byway.server.denial import BODY, until_over
from byway.server.origin import Verdict
from byway.server.refusal_log import RefusalLog
from byway.server.responses import send_error, send_response
from byway.transports.base import Event, Send

logger: logging.Logger = logging.getLogger("byway.server")


def with_headers(send: Send, added: Iterable[tuple[bytes, bytes]]) -> Send:
    """Add headers to the response that is sent."""
    if not added:
        return send

    async def sending(event: Event) -> None:
        if event["type"] == "http.response.start":
            event = {**event, "headers": [*event.get("headers", []), *added]}
        await send(event)

    return sending


async def serve_call(serve: Serve, verdict: Verdict, log: RefusalLog, call: Call) -> None:
    """Serve a call, and answer what the peer does wrong, unless an answer has begun by then."""
    scope, send = call.scope, call.send
    last = ""  # type of the last event that was sent

    async def noting_send(event: Event) -> None:
        nonlocal last
        last = event["type"]
        await send(event)

    try:
        if scope["type"] == "websocket":
            await call.receive()  # websocket.connect
        call.scope, call.send = verdict.pass_on(), noting_send
        await serve(call)
    except PeerError as error:
        client = scope.get("client")
        level, text = log.line(error, verdict.refusal)
        logger.log(
            level,
            "refused %s %s from %s: %d %s",
            scope.get("method", "WebSocket"),
            quote(
                scope["path"], errors="replace"
            ),  # a line break in it would make a line of the log
            quote(str(client[0]), safe=":.") if client else "unknown",
            error.status,
            text,
        )
        if not last:
            await send_error(scope, noting_send, error)
    except ClientLeft:
        logger.debug("a client left before its request was whole")
        # Nobody reads it, but middleware outside of this one takes no answer for a fault.
        await send_response(scope, send, 400, [], b"")
    if last == BODY and call.relayed is None:
        await until_over(call.receive)
