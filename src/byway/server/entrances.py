"""The entrances: which calls are byway's own, and what serves each.

Knows: the signs by which a call of each kind is told from the application's own.
Must not know: how any of them is served, sessions.
"""

from __future__ import annotations

from typing import Final

from byway.handshake import CONTENT_TYPE, OFFER_HEADER, SUBPROTOCOL, UP_ANSWER
from byway.negotiation.offer import offered_subprotocols
from byway.server.call import Call
from byway.server.context import Context, Entrance
from byway.server.cors import is_preflight
from byway.server.lost_upgrade import refuse_dropped_offer, refuse_stripped_handshake
from byway.server.preflight import serve_preflight
from byway.server.protocol_request import serve_protocol_request
from byway.server.upload_request import serve_upload_request
from byway.server.websocket import serve_websocket

_UP: Final = UP_ANSWER.encode()
_CONTENT_TYPE: Final = CONTENT_TYPE.encode()
_OFFER: Final = OFFER_HEADER.encode()


def find_entrance(call: Call, context: Context) -> Entrance | None:
    """Return what serves a call; None where it is the application's."""
    scope, values = call.scope, call.values
    if scope["type"] == "websocket":
        if SUBPROTOCOL in scope.get("subprotocols", ()):
            return serve_websocket
        # A program says in a header of its own what it offers; a page cannot.
        return refuse_dropped_offer if _OFFER in values else context.plain
    if (mark := values.get(b"byway")) is not None:
        return serve_upload_request if mark.strip() == _UP else serve_protocol_request
    if _CONTENT_TYPE in values.get(b"content-type", b"").lower():
        return serve_protocol_request
    if is_preflight(scope["method"], values):
        return serve_preflight
    reads = context.readers.want(call)
    # What takes `Upgrade` away, as hop-by-hop (RFC 9110, section 7.6.1), leaves the key that each
    # handshake has (RFC 6455, section 4.1).
    if b"sec-websocket-key" in values and (
        reads or SUBPROTOCOL in offered_subprotocols(call.headers)
    ):
        return refuse_stripped_handshake
    return serve_reader if reads else None


async def serve_reader(call: Call, context: Context) -> None:
    """Serve a reader without a client library."""
    await context.readers.serve(call, context.sharing.hand_over_reader)
