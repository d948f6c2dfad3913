"""Responses: what a request gets that carries no session.

Knows: ASGI responses, and the `Byway` header that marks them.
Must not know: sessions, transports.
"""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Final

from byway.errors import PeerError
from byway.handshake import GONE_HEADER
from byway.server.application import Denied
from byway.server.call import Call
from byway.transports.base import Event, Headers

# What belongs to a connection is its server's to say, and HTTP/2 forbids it (RFC 9113, 8.2.2).
_THE_CONNECTIONS = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"transfer-encoding",
    b"upgrade",
}

# What the application may not set on a response that byway frames itself.
_OURS = _THE_CONNECTIONS | {
    b"byway",
    b"cache-control",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"sec-websocket-accept",
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
    b"x-accel-buffering",
    b"x-content-type-options",
}

_NOT_A_REFUSALS = _THE_CONNECTIONS | {b"byway", b"content-length"}

_LATER = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)

RETRY_AFTER: Final = 5.0
"""Seconds after which a client that found no room is told to come again."""

_ALWAYS: Headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


def application_headers(headers: Headers) -> Headers:
    """Return the headers of an application's `accept` that may go on a response of ours."""
    return [(name.lower(), value) for name, value in headers if name.lower() not in _OURS]


async def send_response(call: Call, status: int, headers: Headers, body: bytes) -> None:
    """Respond to a request, or to a WebSocket handshake in its place, and end it."""
    scope, send, prefix = call.scope, call.respond, ""
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            # The server cannot say more than 403.
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        prefix = "websocket."
    # No response may be taken for a page or a script, whatever it holds.
    names = {name for name, _ in headers}
    headers = [*headers, *((name, value) for name, value in _ALWAYS if name not in names)]
    start: Event = {"type": f"{prefix}http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": f"{prefix}http.response.body", "body": body, "more_body": False})


async def send_error(call: Call, error: PeerError) -> None:
    """Respond to what the peer did wrong, with the status that fits and the reason."""
    status = error.status
    body = f"{error}\n".encode()
    headers: Headers = [
        (b"byway", b"error"),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if error.gone:
        headers.append((GONE_HEADER.encode(), error.gone.encode()))
    retry_after = error.retry_after
    if retry_after is None and status in _LATER:
        retry_after = RETRY_AFTER
    if retry_after is not None:
        headers.append((b"retry-after", str(ceil(retry_after)).encode()))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    # What it asks for does not exist in HTTP/2.
    if status == HTTPStatus.UPGRADE_REQUIRED and call.scope.get("http_version", "1.1")[0] == "1":
        headers.append((b"upgrade", b"websocket"))
    await send_response(call, status, headers, body)


async def send_denial(call: Call, denied: Denied) -> None:
    """Respond with what the application refuses, in its own words, marked as its refusal.

    A handshake that is refused with 403 and no more gets what a plain one gets: `websocket.close`.
    uvicorn 0.54 logs an error for any other. That bears no mark, so a client that has no other
    transport asks again, and is told then.

    A challenge is for WebSocket handshakes and for programs: a page's request would wait until its
    visitor has answered the browser's login dialog, which no WebSocket opens.
    """
    scope = call.scope
    if scope["type"] == "websocket" and denied.is_bare and not denied.remembered:
        await call.respond({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    dropped = set(_NOT_A_REFUSALS)
    if scope["type"] == "http" and b"origin" in call.values:
        dropped.add(b"www-authenticate")
    headers = [
        (name.lower(), value) for name, value in denied.headers if name.lower() not in dropped
    ]
    headers += [
        (b"byway", b"refused"),
        (b"content-length", str(len(denied.body)).encode()),
    ]
    await send_response(call, denied.status, headers, denied.body)
