"""Entrances: whose a call is, and what serves it."""

from __future__ import annotations

from typing import Any

import pytest

from byway.handshake import SUBPROTOCOL
from byway.limits import ServerLimits
from byway.server.entrances import find_entrance, serve_reader
from byway.server.lost_upgrade import refuse_dropped_offer, refuse_stripped_handshake
from byway.server.middleware import FallbackMiddleware
from byway.server.preflight import serve_preflight
from byway.server.protocol_request import serve_protocol_request
from byway.server.upload_request import serve_upload_request
from byway.server.websocket import serve_websocket
from byway.transports.base import Scope
from tests.support.calls import call_of

OURS = (b"content-type", b"application/byway")
ASKS = (b"access-control-request-headers", b"content-type, Byway")
BROKEN = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
OFFERS = (b"sec-websocket-protocol", b"chat, byway.1")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Be an application."""


def http(method: str, *headers: tuple[bytes, bytes], path: str = "/") -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)}


def socket(*subprotocols: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Scope:
    return {
        "type": "websocket",
        "path": "/",
        "headers": list(headers),
        "subprotocols": list(subprotocols),
    }


@pytest.mark.parametrize(
    ("scope", "serves"),
    [
        (http("POST", (b"byway", b"1"), OURS), serve_protocol_request),
        (http("POST", OURS), serve_protocol_request),  # it is refused there
        (http("GET", (b"byway", b"1")), serve_protocol_request),
        (http("POST", (b"content-type", b"Application/Byway; v=1")), serve_protocol_request),
        (http("POST", (b"byway", b" up "), OURS), serve_upload_request),
        (http("OPTIONS", ASKS), serve_preflight),
        (http("OPTIONS"), None),
        (http("GET", path="/news"), serve_reader),
        (http("HEAD", path="/news"), None),
        (http("GET", (b"accept", b"application/byway"), path="/news"), None),
        (http("GET", BROKEN, OFFERS), refuse_stripped_handshake),
        (http("GET", BROKEN, path="/news"), refuse_stripped_handshake),
        (http("GET", BROKEN), None),
        (http("GET", OFFERS), None),  # it has no key, so it was no handshake
        (http("GET"), None),
        (http("POST", (b"content-type", b"text/plain")), None),
        (socket(SUBPROTOCOL, "chat"), serve_websocket),
        (socket("chat", headers=((b"byway-offer", b"1"),)), refuse_dropped_offer),
        (socket("chat"), None),
        (socket("chat", headers=(BROKEN,)), None),
        (socket(), None),
    ],
)
def test_a_call_is_told_by_its_signs(scope: Scope, serves: Any) -> None:
    middleware = FallbackMiddleware(app, readers=["/news"], limits=ServerLimits())
    assert find_entrance(call_of(scope), middleware._context) is serves


def test_a_header_that_comes_twice_is_no_other_header() -> None:
    """Of two equal ones the last must not count alone: a proxy may have judged the first."""
    middleware = FallbackMiddleware(app)
    scope = http("POST", (b"byway", b"up"), (b"byway", b"1"), OURS)
    assert call_of(scope).values[b"byway"] == b"up, 1"
    assert find_entrance(call_of(scope), middleware._context) is serve_protocol_request
