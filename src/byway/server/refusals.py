"""Refusals: what the peer does wrong is responded to and logged.

Knows: what a refusal looks like in the log, and whether a response has begun.
Must not know: sessions, transports, why a call is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import quote

from byway.errors import PeerError
from byway.server.call import Call
from byway.server.origin import ForeignPage
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


async def refuse(
    call: Call, error: PeerError, log: RefusalLog, page: ForeignPage | None = None
) -> None:
    """Log what the peer did wrong, and respond with it, unless a response has begun.

    Args:
        call: the call.
        error: what is wrong.
        log: how loudly it is logged.
        page: what is said of the page that made the call, where it is not one of the server's own.
    """
    scope = call.scope
    client = scope.get("client")
    level, text = log.line(error, page)
    logger.log(
        level,
        "refused %s %s from %s: %d %s",
        scope.get("method", "WebSocket"),
        quote(scope["path"], errors="replace"),  # a line break would begin a line of the log
        quote(str(client[0]), safe=":.") if client else "unknown",
        error.status,
        text,
    )
    if not call.last_sent:
        await send_error(call, error)


async def respond_to_nobody(call: Call) -> None:
    """End a call whose client has left before its request was whole."""
    logger.debug("the client left before its request was complete")
    # Nobody reads it, but middleware outside of this one takes no response for a fault.
    await send_response(call, 400, [], b"")
