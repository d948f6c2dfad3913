"""ASGI calls for tests that look at no response."""

from __future__ import annotations

from byway.server.call import Call
from byway.transports.base import Event, Scope


def call_of(scope: Scope) -> Call:
    """Return a call of this scope."""

    async def receive() -> Event:
        raise AssertionError("nobody reads here")

    async def send(event: Event) -> None:
        raise AssertionError("nothing is sent here")

    return Call(scope, receive, send)
