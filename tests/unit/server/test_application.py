"""One run of an application: what it may send when, and what its end does to the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from byway.errors import UsageError
from byway.frames import NEXT, TEXT
from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.server.application import (
    Accepted,
    ApplicationDisconnected,
    ApplicationRun,
    Denied,
    websocket_scope,
)
from byway.server.failures import HEARS
from byway.session import Intake, State
from byway.transports.base import Event, Receive, Scope, Send
from tests.unit.clock import timed

ACCEPT: Event = {"type": "websocket.accept"}
LIMITS = ServerLimits(refusal_body=8, answer_headers=20, outbox=1_000)

App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


def run_of(app: App, *subprotocols: str) -> ApplicationRun:
    """Run an application over a session of its own."""
    live = LiveSession(LIMITS, name="a")
    scope = websocket_scope(
        {"type": "http", "path": "/", "headers": [], "method": "POST"}, subprotocols
    )
    return ApplicationRun(app, scope, live)


async def error_of(*events: Event, subprotocols: tuple[str, ...] = ()) -> Exception | None:
    """Return what an application is told that sends these events."""
    heard: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            for event in events:
                await send(event)
        except Exception as error:
            heard.append(error)

    await run_of(app, *subprotocols).task
    return heard[0] if heard else None


@timed
async def test_an_application_accepts() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        headers = [(b"set-cookie", b"a=1")]
        await send({"type": "websocket.accept", "subprotocol": "chat", "headers": headers})

    run = run_of(app, "chat", "other")
    accepted = await run.decision
    assert accepted == Accepted("chat", [(b"set-cookie", b"a=1")]) == run.accepted
    await run.task
    assert run.live.core.state is State.CLOSING  # its return closes the session


@pytest.mark.parametrize(
    ("events", "denied"),
    [
        ([{"type": "websocket.close"}], Denied()),
        ([], Denied(500, [], b"Internal Server Error")),
        (
            [
                {"type": "websocket.http.response.start", "status": 429},
                {"type": "websocket.http.response.body", "body": b"come ", "more_body": True},
                {"type": "websocket.http.response.body", "body": b"back later"},
            ],
            Denied(429, [], b"come bac"),
        ),
    ],
    ids=["close", "returns", "response"],
)
@timed
async def test_an_application_refuses(events: list[Event], denied: Denied) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in events:
            await send(event)

    run = run_of(app)
    assert await run.decision == denied
    assert run.accepted is None
    await run.task


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([{"type": "websocket.send", "text": "hi"}], "websocket.send came before websocket.accept"),
        ([ACCEPT, ACCEPT], "websocket.accept came after the application had accepted or refused"),
        (
            [ACCEPT, {"type": "websocket.http.response.start", "status": 403}],
            "websocket.http.response.start came after the application had accepted or refused",
        ),
        (
            [{"type": "websocket.http.response.body"}],
            "websocket.http.response.body came before websocket.http.response.start",
        ),
        (
            [
                {"type": "websocket.http.response.start", "status": 403},
                {"type": "websocket.close"},
            ],
            "websocket.close came inside a denial response",
        ),
        ([{"type": "websocket.wave"}], "unknown ASGI event 'websocket.wave'"),
    ],
)
@timed
async def test_what_comes_out_of_order_is_the_applications_error(
    events: list[Event], text: str
) -> None:
    error = await error_of(*events)
    assert type(error) is RuntimeError
    assert str(error) == text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            {"type": "websocket.http.response.start", "status": 100},
            "invalid response status 100: use 200 to 599",
        ),
        (
            {"type": "websocket.http.response.start", "status": True},
            "invalid response status True: use 200 to 599",
        ),
        ({**ACCEPT, "subprotocol": "b"}, "the application chose the subprotocol 'b'; the client"),
        ({**ACCEPT, "headers": [(b"a b", b"")]}, "invalid header name b'a b'"),
        ({**ACCEPT, "headers": [(b"a", b"1\r\nb: 2")]}, "the header b'a' holds a line break"),
        ({**ACCEPT, "headers": [(b"a", b"x" * 20)]}, "the response headers are longer than 20"),
    ],
)
@timed
async def test_what_no_response_may_hold_is_refused(event: Event, text: str) -> None:
    error = await error_of(event, subprotocols=("a",))
    assert isinstance(error, UsageError)
    assert str(error).startswith(text)


@timed
async def test_an_application_that_fails_closes_with_1011_and_a_test_hears_of_it() -> None:
    heard: list[Exception] = []
    failure = LookupError("no table")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        raise failure

    HEARS.set(heard.append)
    run = run_of(app)
    await run.task
    assert heard == [failure]
    assert run.live.core.state is State.CLOSING


@timed
async def test_an_application_that_is_cancelled_loses_its_session() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        await asyncio.Event().wait()

    run = run_of(app)
    await run.decision
    run.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert run.live.core.end is not None
    assert run.live.core.end.code == 1006


@timed
async def test_who_sends_after_the_end_was_told_is_told_that_nobody_is_there() -> None:
    heard: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        assert (await receive())["type"] == "websocket.disconnect"
        try:
            await send({"type": "websocket.send", "text": "hi"})
        except ApplicationDisconnected as error:
            heard.append(error)
            raise

    run = run_of(app)
    await run.decision
    run.live.abort(1006, "the client left")
    await run.task  # an ordinary end: nothing is logged as a fault
    assert len(heard) == 1


@timed
async def test_who_sends_without_reading_after_the_end_is_stopped_at_an_outbox() -> None:
    """Until it has read what came before the end, what it sends is dropped: an echo goes on."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await ended.wait()
        for _ in range(10):
            await send({"type": "websocket.send", "bytes": b"x" * 300})
            sent.append(300)

    ended = asyncio.Event()
    run = run_of(app)
    await run.decision
    run.live.feed(Intake(ordered=False), [(NEXT, (1).to_bytes(8)), (TEXT, b"not read yet")])
    run.live.abort(1006, "the client left")
    ended.set()
    await run.task
    assert 1 <= len(sent) <= LIMITS.outbox // 300


def test_the_scope_is_that_of_a_websocket_and_holds_no_secret_of_byways() -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/",
        "headers": [(b"cookie", b"a=1"), (b"byway", b"1"), (b"last-event-id", b"key.1")],
        "extensions": {"tls": {}, "http.response.push": {}},
        "state": {"a": 1},
    }
    seen = websocket_scope(scope, ("chat",))
    assert (seen["type"], seen["scheme"], seen["subprotocols"]) == ("websocket", "wss", ["chat"])
    assert "method" not in seen
    assert dict(seen["headers"]) == {
        b"cookie": b"a=1",
        b"connection": b"Upgrade",
        b"upgrade": b"websocket",
        b"sec-websocket-protocol": b"chat",
    }
    assert seen["extensions"] == {"tls": {}, "websocket.http.response": {}}
    seen["state"]["a"] = 2
    assert scope["state"] == {"a": 1}
