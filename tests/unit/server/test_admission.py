"""Admission and the registry: who gets which session, and who gets none."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from byway.errors import PeerError
from byway.handshake import Hello
from byway.limits import ServerLimits
from byway.retry_hint import come_back
from byway.server.admission import Admission
from byway.server.application import Accepted, Denied
from byway.server.identity import Identity
from byway.server.lives import Hosted
from byway.server.middleware import FallbackMiddleware
from byway.session import READER
from byway.transports.base import Event, Receive, Scope, Send
from tests.support.calls import call_of
from tests.unit.clock import now, settle, timed

LIMITS = ServerLimits(sessions=3, refusals=2, tombstones=2)
ACCEPT: Event = {"type": "websocket.accept"}
REFUSE: Event = {"type": "websocket.close"}


class Application:
    """An application that answers the handshake when it is told to, and then waits for the end.

    Attributes:
        runs: how often it was called.
        decisions: what it answers with, one for each run.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.decisions: asyncio.Queue[Event] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.runs += 1
        await receive()
        await send(await self.decisions.get())
        while (await receive())["type"] != "websocket.disconnect":
            pass


def hello(name: str = "a", *, instance: str | None = None) -> Hello:
    """Return what a client of this name says."""
    return Hello(
        key=name + "x3vT8qLw2ZrN5yBhE7uJd", carrier=1, received=0, room=1_000, instance=instance
    )


def scope() -> Scope:
    """Return the scope of a request."""
    return {"type": "http", "method": "POST", "scheme": "http", "path": "/", "headers": []}


async def admitted(admission: Admission, app: Application, one: Hello) -> Hosted:
    """Let a client in."""
    app.decisions.put_nowait(ACCEPT)
    outcome = await admission.admit(call_of(scope()), one)
    assert not isinstance(outcome, Denied)
    return outcome[0]


async def refused_with(admission: Admission, one: Hello) -> int:
    """Return the status with which a client is turned away."""
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope()), one)
    return caught.value.status


@timed
async def test_without_one_key_several_attempts_would_run_the_handler_several_times() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    attempts = [asyncio.create_task(admission.admit(call_of(scope()), hello())) for _ in range(4)]
    await settle()
    app.decisions.put_nowait(ACCEPT)
    outcomes = await asyncio.gather(*attempts)
    hosted = {id(one[0]) for one in outcomes if not isinstance(one, Denied)}
    assert len(hosted) == 1
    assert app.runs == 1
    assert len(admission.registry) == 1


@timed
async def test_without_the_instance_a_client_would_go_on_with_another_run_of_the_handler() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    hosted = await admitted(admission, app, hello())
    assert await refused_with(admission, hello(instance="another")) == 410
    outcome = await admission.admit(call_of(scope()), hello(instance=hosted.instance))
    assert not isinstance(outcome, Denied)
    assert outcome[0] is hosted


@timed
async def test_an_unknown_session_is_not_opened_for_somebody_who_wants_to_resume() -> None:
    app = Application()
    assert await refused_with(Admission(app, LIMITS), hello(instance="gone")) == 410
    assert app.runs == 0


@timed
async def test_without_remembering_a_refusal_each_attempt_would_run_the_handler_again() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    app.decisions.put_nowait(REFUSE)
    first = await admission.admit(call_of(scope()), hello())
    assert isinstance(first, Denied)
    assert await admission.admit(call_of(scope()), hello()) is first
    assert app.runs == 1
    assert len(admission.registry) == 0


@timed
async def test_a_refusal_is_remembered_for_a_short_time_and_then_the_session_is_over() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    app.decisions.put_nowait(REFUSE)
    await admission.admit(call_of(scope()), hello())
    await asyncio.sleep(LIMITS.refusal_age + 1)
    assert await refused_with(admission, hello()) == 410
    assert app.runs == 1


ASK_WHO_IT_IS: Event = {"type": "websocket.http.response.start", "status": 401}
BODY: Event = {"type": "websocket.http.response.body"}


def signed(*, name: bytes = b"Basic dXNlcjpwYXNz") -> Scope:
    """Return the scope of a request with credentials."""
    return {**scope(), "headers": [(b"authorization", name)]}


class AsksWho(Application):
    """An application that answers 401 to whoever brings no credentials, when told to go on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.runs += 1
        await receive()
        decision = await self.decisions.get()
        if dict(scope["headers"]).get(b"authorization") != b"Basic dXNlcjpwYXNz":
            await send(ASK_WHO_IT_IS)
            await send(BODY)
            return
        await send(decision)
        while (await receive())["type"] != "websocket.disconnect":
            pass


@timed
async def test_a_refusal_that_asks_who_it_is_is_none_of_who_says_so() -> None:
    """A browser's WebSocket handshake brings no credentials until they were asked for."""
    app = AsksWho()
    admission = Admission(app, LIMITS)
    for _ in range(3):
        app.decisions.put_nowait(ACCEPT)
    first = await admission.admit(call_of(scope()), hello())
    assert isinstance(first, Denied)
    assert first.status == 401
    assert await admission.admit(call_of(scope()), hello()) is first
    assert app.runs == 1
    outcome = await admission.admit(call_of(signed()), hello())
    assert not isinstance(outcome, Denied)
    assert app.runs == 2
    # Once it is over, neither the refusal nor what is left of it opens it again.
    outcome[0].live.abort(1006, "lost")
    assert await refused_with(admission, hello()) == 410
    with pytest.raises(PeerError):
        await admission.admit(call_of(signed()), hello())
    assert app.runs == 2


@timed
async def test_attempts_that_wait_with_other_credentials_are_asked_on_their_own() -> None:
    app = AsksWho()
    admission = Admission(app, LIMITS)
    scopes = [scope(), signed(), signed(), scope(), signed(name=b"Basic wrong")]
    attempts = [asyncio.create_task(admission.admit(call_of(one), hello())) for one in scopes]
    await settle()
    assert app.runs == 1
    for _ in range(3):
        app.decisions.put_nowait(ACCEPT)
    first, second, third, fourth, _ = await asyncio.gather(*attempts)
    assert isinstance(first, Denied)
    assert fourth is first
    assert not isinstance(second, Denied)
    assert not isinstance(third, Denied)
    assert second[0] is third[0]
    assert app.runs == 2
    assert len(admission.registry) == 1


@timed
async def test_many_credentials_with_one_key_do_not_keep_each_other_waiting() -> None:
    """Without an end to it the last of a thousand would have waited for all the others."""
    app = AsksWho()
    admission = Admission(app, LIMITS)
    scopes = [signed(name=b"Basic %d" % number) for number in range(20)]
    attempts = [asyncio.create_task(admission.admit(call_of(one), hello())) for one in scopes]
    for _ in scopes:
        app.decisions.put_nowait(ACCEPT)
    outcomes = await asyncio.gather(*attempts)
    assert all(isinstance(one, Denied) and one.status == 401 for one in outcomes)
    assert app.runs == 2


@timed
async def test_other_credentials_do_not_help_against_another_refusal() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    app.decisions.put_nowait(REFUSE)
    first = await admission.admit(call_of(scope()), hello())
    assert await admission.admit(call_of(signed()), hello()) is first
    assert app.runs == 1


@timed
async def test_credentials_are_not_shown() -> None:
    """Who asks may stand in a log, or in a debugger's frame."""
    assert "credentials" not in repr(await call_of(signed()).identity(None))


@timed
async def test_refusals_are_bounded_in_number() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    for name in "abc":
        app.decisions.put_nowait(REFUSE)
        await admission.admit(call_of(scope()), hello(name))
    assert isinstance(await admission.admit(call_of(scope()), hello("c")), Denied)
    # The oldest is forgotten, and the tombstones hold no more of them either.
    app.decisions.put_nowait(ACCEPT)
    assert isinstance((await admission.admit(call_of(scope()), hello("a"))), tuple)


@timed
async def test_without_tombstones_a_delayed_opening_would_run_the_handler_again() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    hosted = await admitted(admission, app, hello())
    hosted.live.abort(1006, "lost")
    assert len(admission.registry) == 0
    assert await refused_with(admission, hello()) == 410
    await asyncio.sleep(LIMITS.tombstone_age - 1)
    assert await refused_with(admission, hello()) == 410
    assert app.runs == 1
    await asyncio.sleep(2)
    await admitted(admission, app, hello())
    assert app.runs == 2


@timed
async def test_tombstones_are_bounded_in_number() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    for name in "abc":
        (await admitted(admission, app, hello(name))).live.abort(1006, "lost")
    assert await refused_with(admission, hello("b")) == 410
    assert await refused_with(admission, hello("c")) == 410
    await admitted(admission, app, hello("a"))


@timed
async def test_a_session_stays_until_its_close_is_acknowledged() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    hosted = await admitted(admission, app, hello())
    hosted.live.close(1000)
    await asyncio.sleep(LIMITS.window - 1)
    assert admission.registry.find(hello(), Identity()) is hosted
    await asyncio.sleep(2)
    assert await refused_with(admission, hello()) == 410


@timed
async def test_sessions_are_bounded_and_the_ones_that_are_there_go_on() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    first = await admitted(admission, app, hello("a"))
    await admitted(admission, app, hello("b"))
    await admitted(admission, app, hello("c"))
    assert await refused_with(admission, hello("d")) == 503
    assert admission.registry.find(hello("a"), Identity()) is first
    assert app.runs == 3


@timed
async def test_a_server_that_goes_away_admits_nobody_new() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    first = await admitted(admission, app, hello("a"))
    admission.registry.draining = True
    assert await refused_with(admission, hello("b")) == 503
    assert admission.registry.find(hello("a"), Identity()) is first


@timed
async def test_an_application_that_decides_nothing_does_not_hold_the_client() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    assert await refused_with(admission, hello()) == 504
    assert len(admission.registry) == 0


@timed
async def test_an_accepted_client_that_never_comes_is_forgotten_after_a_window() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    app.decisions.put_nowait(ACCEPT)
    outcome = await admission.admit(call_of(scope()), hello())
    assert not isinstance(outcome, Denied)
    hosted, accepted = outcome
    assert accepted == Accepted(None, [])
    await asyncio.sleep(LIMITS.window + 1)
    assert len(admission.registry) == 0
    assert hosted.live.finished.is_set()


def from_address(address: str | None) -> Scope:
    """Return the scope of a request from an address."""
    return {**scope(), "client": None if address is None else (address, 1234)}


async def address_of(address: str | None) -> str:
    """Return what an address counts as."""
    return (await call_of(from_address(address)).identity(None)).address


@timed
async def test_without_a_share_one_address_would_take_all_places() -> None:
    app = Application()
    admission = Admission(app, replace(LIMITS, sessions_per_address=1))
    app.decisions.put_nowait(ACCEPT)
    first = await admission.admit(call_of(from_address("192.0.2.1")), hello("a"))
    with pytest.raises(PeerError, match="this address already has 1 sessions") as caught:
        await admission.admit(call_of(from_address("192.0.2.1")), hello("b"))
    assert caught.value.status == 429
    app.decisions.put_nowait(ACCEPT)
    await admission.admit(call_of(from_address("192.0.2.2")), hello("b"))
    again = await admission.admit(call_of(from_address("192.0.2.1")), hello("a"))
    assert again == first, "the session that it has is served"
    moved = await admission.admit(call_of(from_address("198.51.100.1")), hello("a"))
    assert moved == first, "and follows its client into another network"


@timed
async def test_a_place_is_free_when_the_session_is_over_and_its_handler_has_returned() -> None:
    released = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await released.wait()  # it does something of its own, whatever becomes of its client

    admission = Admission(app, replace(LIMITS, sessions=1))
    outcome = await admission.admit(call_of(scope()), hello("a"))
    assert not isinstance(outcome, Denied)
    outcome[0].live.abort(1006, "lost")
    assert len(admission.registry) == 0
    assert await refused_with(admission, hello("b")) == 503, "its handler still runs"
    released.set()
    await settle()
    assert not isinstance(await admission.admit(call_of(scope()), hello("b")), Denied)


@timed
async def test_a_flood_of_sessions_that_end_at_once_leaves_no_place_behind() -> None:
    app = Application()
    admission = Admission(app, replace(LIMITS, sessions=1, sessions_per_address=1))
    for name in "abcdefgh":
        hosted = await admitted(admission, app, hello(name))
        hosted.live.abort(1006, "lost")
        await settle()
        app.decisions.put_nowait(REFUSE)
        assert isinstance(await admission.admit(call_of(scope()), hello(name + "-")), Denied)
        await settle()


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("a proxy's word", "a proxy's word", True),
        (None, None, True),
    ],
)
async def test_what_counts_as_one_client(one: str | None, another: str | None, same: bool) -> None:
    assert (await address_of(one) == await address_of(another)) is same


@timed
async def test_a_readers_session_cannot_be_spoken_to_nor_another_be_read_as_one() -> None:
    """A reader's key stands in the ids of its events; nothing but a reader may come with it."""
    app = Application()
    admission = Admission(app, LIMITS)
    app.decisions.put_nowait(ACCEPT)
    await admission.admit(call_of(scope()), hello("a"), peer=READER)
    assert await refused_with(admission, hello("a")) == 410
    await admitted(admission, app, hello("b"))
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope()), hello("b"), peer=READER)
    assert caught.value.status == 410


@timed
async def test_a_drain_waits_for_no_acknowledgement_longer_than_its_time() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    middleware = FallbackMiddleware(app, limits=LIMITS)
    outcome = await middleware._admission.admit(call_of(scope()), hello())
    assert not isinstance(outcome, Denied)
    outcome[0].live.attach(1, "stream", ordered=True).establish()
    began = now()
    await middleware.drain()
    assert now() - began == LIMITS.drain_timeout
    assert outcome[0].live.finished.is_set()


@timed
async def test_a_drain_tells_each_client_a_time_of_its_own_to_come_back() -> None:
    app = Application()
    middleware = FallbackMiddleware(app, limits=replace(LIMITS, sessions=20))
    told: list[float | None] = []
    lives = []
    for name in "abcdefghijklmnopqrst":
        lives.append((await admitted(middleware._admission, app, hello(name))).live)
    await middleware.drain()
    for live in lives:
        assert live.core._closed_here is not None
        told.append(come_back(live.core._closed_here.reason))
    assert all(one is not None and 0 <= one <= LIMITS.drain_spread for one in told)
    assert len(set(told)) > 1
