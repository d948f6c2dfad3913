"""The middleware: whose a scope is, and that what the peer does wrong gets one response."""

from __future__ import annotations

from typing import Any

import pytest

import byway.server.middleware as module
from byway.errors import PeerError, UsageError
from byway.limits import ServerLimits
from byway.server.call import Call
from byway.server.context import Context
from byway.server.middleware import FallbackMiddleware
from byway.server.responses import send_response
from byway.transports.base import Event, Receive, Scope, Send

MARKED = [(b"byway", b"1"), (b"content-type", b"application/byway")]


class Caller:
    """Calls a middleware once, and keeps what it sends."""

    def __init__(self, *events: Event, **limits: Any) -> None:
        self.reached: list[Scope] = []
        self.sent: list[Event] = []
        self.events = list(events)
        self.middleware = FallbackMiddleware(
            self._app, backplane=False, limits=ServerLimits(**limits)
        )

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(scope)

    async def receive(self) -> Event:
        """Return the next event; at the end the client has left."""
        return self.events.pop(0) if self.events else {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        """Keep an event."""
        self.sent.append(event)

    async def call(self, scope: Scope) -> None:
        """Call it."""
        await self.middleware(scope, self.receive, self.send)


def http(method: str, *headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "method": method, "path": "/", "headers": list(headers)}


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "pubsub"},
        http("GET"),
        http("OPTIONS"),
        {"type": "websocket", "path": "/", "headers": [], "subprotocols": []},
    ],
    ids=lambda scope: scope["type"],
)
async def test_what_is_not_byways_own_reaches_the_application_untouched(scope: Scope) -> None:
    caller = Caller()
    await caller.call(scope)
    assert caller.reached == [scope]
    assert caller.reached[0] is scope
    assert caller.sent == []


async def test_what_the_peer_does_wrong_is_responded_to_and_counted() -> None:
    caller = Caller()
    await caller.call(http("GET", *MARKED))
    assert [event["type"] for event in caller.sent] == ["http.response.start", "http.response.body"]
    assert caller.sent[0]["status"] == 405
    assert caller.sent[1]["body"] == b"byway's requests use POST, not GET\n"
    assert caller.middleware._admission.registry.counts.refusals == {405: 1}
    assert caller.reached == []


async def test_a_client_that_leaves_gets_an_end_that_middleware_outside_can_take() -> None:
    caller = Caller()
    await caller.call(http("POST", *MARKED))
    assert caller.sent[0]["status"] == 400
    assert caller.sent[1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_nothing_is_sent_behind_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails_late(call: Call, context: Context) -> None:
        await send_response(call, 200, [], b"")
        raise PeerError("too late")

    monkeypatch.setattr(module, "find_entrance", lambda call, context: fails_late)
    caller = Caller()
    await caller.call(http("POST", *MARKED))
    assert [event.get("status") for event in caller.sent] == [200, None]


async def test_a_page_of_another_origin_goes_no_further() -> None:
    caller = Caller()
    page = (b"origin", b"https://evil.example")
    await caller.call(http("POST", *MARKED, (b"host", b"own.example"), page))
    start, body = caller.sent
    assert start["status"] == 403
    assert (b"vary", b"origin") in start["headers"]
    assert body["body"].startswith(b"pages of https://evil.example may not use this endpoint (")
    assert caller.events == []


async def test_a_server_that_cannot_share_sessions_does_not_start() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the application is not asked")

    sent: list[Event] = []

    async def receive() -> Event:
        return {"type": "lifespan.startup"}

    async def send(event: Event) -> None:
        sent.append(event)

    def fails() -> None:
        raise UsageError("the directory is not here")

    middleware = FallbackMiddleware(app, backplane=False)
    middleware._sharing.find = fails  # type: ignore[method-assign,assignment]
    await middleware({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.failed", "message": "the directory is not here"}]


@pytest.mark.parametrize("limits", [{"part": 63}, {"heartbeat": 0.05}, {"window": 0.05}])
def test_limits_that_no_client_takes_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="ServerLimits"):
        Caller(**limits)
