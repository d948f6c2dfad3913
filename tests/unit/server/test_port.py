"""The port between a call and its session: whose a key is, and what becomes of a claim."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import pytest

from byway.backplane import Backplane, Claim, Link, ServeCall, Unavailable, Unreachable
from byway.errors import PeerError
from byway.handshake import Hello
from byway.keys import key_hash
from byway.limits import ServerLimits
from byway.server.admission import Admission, Elsewhere
from byway.server.application import Accepted, Denied
from byway.server.call import Call
from byway.server.lives import Hosted
from byway.server.process import process_name
from byway.server.registry import SessionGone
from byway.session import READER
from byway.transports.base import Event, Receive, Scope, Send
from tests.support.calls import call_of
from tests.unit.clock import now, settle, timed

P = ParamSpec("P")
R = TypeVar("R")

OTHER = "another0"
LIMITS = ServerLimits(sessions=2)
ACCEPT: Event = {"type": "websocket.accept"}


class Table(Backplane):
    """A directory that responds when it is told to, or at once.

    Attributes:
        owners: the claims.
        asked: how many claims were asked for.
        gate: set while it responds; None to respond without a wait.
        released: what was given back.
        over: what has ended, and whether it was refused.
    """

    alone = False

    def __init__(self, *, waits: bool = True) -> None:
        self.name = process_name()
        self.owners: dict[bytes, Claim] = {}
        self.asked = 0
        self.gate: asyncio.Event | None = asyncio.Event() if waits else None
        self.released: list[bytes] = []
        self.over: list[tuple[bytes, bool]] = []
        self.error: Exception | None = None

    async def start(self, serve: ServeCall) -> None:
        """Do nothing."""

    def claim(self, digest: bytes) -> Claim | Awaitable[Claim]:
        """Claim a key."""
        self.asked += 1
        if self.gate is None:
            return self._claim(digest)
        return self._later(digest, self.gate)

    async def _later(self, digest: bytes, gate: asyncio.Event) -> Claim:
        await gate.wait()
        if self.error is not None:
            raise self.error
        return self._claim(digest)

    def _claim(self, digest: bytes) -> Claim:
        return self.owners.setdefault(digest, Claim(self.name))

    def release(self, digest: bytes) -> None:
        """Give a claim back."""
        self.released.append(digest)
        del self.owners[digest]

    def ended(self, digest: bytes, *, refused: bool = False) -> None:
        """Note the end."""
        self.over.append((digest, refused))

    async def link(self, owner: str) -> Link:
        """Know nobody."""
        raise Unreachable(owner)

    async def aclose(self) -> None:
        """Do nothing."""


class Handed:
    """What a call says that another process has handed over."""

    def carries(self, live: object, hello: Hello) -> None:
        """Do nothing."""

    def not_here(self, error: PeerError) -> None:
        """Do nothing."""


class Application:
    """An application that decides at once, and waits for the end.

    Attributes:
        runs: how often it was called.
        decision: what it decides.
    """

    def __init__(self, decision: Event | None = None) -> None:
        self.runs = 0
        self.decision = decision or ACCEPT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.runs += 1
        await receive()
        await send(self.decision)
        if self.decision["type"] == "websocket.http.response.start":
            await send({"type": "websocket.http.response.body"})
            return
        while (await receive())["type"] != "websocket.disconnect":
            pass


def hello(name: str = "a") -> Hello:
    """Return what a client of this name says."""
    return Hello(key=name + "x3vT8qLw2ZrN5yBhE7uJd", carrier=1, received=0, room=1_000)


def digest(name: str = "a") -> bytes:
    """Return the hash of its key."""
    return key_hash(hello(name).key)


def call(*, relayed: bool = False, **headers: str) -> Call:
    """Return the call of a request."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    one = call_of({"type": "http", "method": "POST", "path": "/", "headers": pairs})
    if relayed:
        one.relayed = Handed()
    return one


def shared(app: Application, table: Backplane, **options: object) -> Admission:
    """Return an admission to sessions that are shared."""
    admission = Admission(app, LIMITS, **options)  # type: ignore[arg-type]
    admission.use(table)
    return admission


@timed
async def test_attempts_of_one_client_share_one_claim() -> None:
    app, table = Application(), Table()
    admission = shared(app, table)
    attempts = [asyncio.create_task(admission.admit(call(), hello())) for _ in range(4)]
    await settle()
    assert table.gate is not None
    table.gate.set()
    outcomes = await asyncio.gather(*attempts)
    assert len({id(one[0]) for one in outcomes if not isinstance(one, Denied)}) == 1
    assert (app.runs, table.asked, table.released) == (1, 1, [])


@pytest.mark.parametrize("waits", [True, False])
def test_nothing_waits_between_find_and_open(waits: bool) -> None:
    @timed
    async def run() -> None:
        table = Table(waits=waits)
        admission = shared(Application(), table)
        registry, turns, at = admission.registry, 0, dict[str, int]()

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        def noting(name: str, do: Callable[P, R]) -> Callable[P, R]:
            def noted(*args: P.args, **kwargs: P.kwargs) -> R:
                at[name] = turns
                return do(*args, **kwargs)

            return noted

        registry.find = noting("find", registry.find)  # type: ignore[method-assign]
        registry.open = noting("open", registry.open)  # type: ignore[method-assign]
        turning = asyncio.create_task(turn())
        attempt = asyncio.create_task(admission.admit(call(), hello()))
        await asyncio.sleep(0)
        if table.gate is not None:
            await asyncio.sleep(0)
            table.gate.set()
        await attempt
        turning.cancel()
        assert at["find"] == at["open"]

    run()


@timed
async def test_where_nothing_is_shared_nothing_is_awaited_before_the_application_runs() -> None:
    app = Application()
    admission = Admission(app, LIMITS)
    asking = admission.admit(call(), hello())
    waiting = asking.send(None)  # for the application's decision, and for nothing before
    assert len(admission.registry) == 1
    assert waiting is not None
    asking.close()


@timed
async def test_the_claim_of_another_process_says_where_to_go() -> None:
    app, table = Application(), Table(waits=False)
    table.owners[digest()] = Claim(OTHER)
    with pytest.raises(Elsewhere) as caught:
        await shared(app, table).admit(call(), hello())
    assert caught.value.owner == OTHER
    assert app.runs == 0


@timed
async def test_a_claim_of_nobody_says_that_the_session_has_ended() -> None:
    table = Table(waits=False)
    table.owners[digest()] = Claim("", ended=True)
    with pytest.raises(SessionGone, match="has ended"):
        await shared(Application(), table).admit(call(), hello())


@timed
async def test_one_s_own_ended_claim_opens_nothing_though_it_is_forgotten_here() -> None:
    app, table = Application(), Table(waits=False)
    table.owners[digest()] = Claim(process_name(), ended=True)
    with pytest.raises(SessionGone, match="has ended"):
        await shared(app, table).admit(call(), hello())
    assert app.runs == 0


@timed
async def test_a_claim_whose_opener_has_left_is_given_back() -> None:
    app, table = Application(), Table()
    admission = shared(app, table)
    attempt = asyncio.create_task(admission.admit(call(), hello()))
    await settle()
    assert table.gate is not None
    table.gate.set()
    await asyncio.sleep(0)  # the claim is made; the opener has not heard of it
    attempt.cancel()
    await settle()
    assert attempt.cancelled()
    assert digest() not in table.owners  # another process may open it now
    assert app.runs == 0


@timed
async def test_a_claim_that_waits_is_left_only_by_the_last_attempt() -> None:
    app, table = Application(), Table()
    admission = shared(app, table)
    first, second = (asyncio.create_task(admission.admit(call(), hello())) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert table.gate is not None
    table.gate.set()
    assert not isinstance(await second, Denied)
    assert (app.runs, table.asked, table.released) == (1, 1, [])


@pytest.mark.parametrize("waits", [True, False])
def test_a_claim_without_room_for_its_session_is_given_back(waits: bool) -> None:
    @timed
    async def run() -> None:
        app, table = Application(), Table(waits=waits)
        admission = shared(app, table)
        if table.gate is not None:
            table.gate.set()
        for name in ("a", "b"):
            await admission.admit(call(), hello(name))
        if table.gate is not None:
            # There is room when it asks, and none when it has the claim.
            admission.registry.sessions[0].live.abort(1006, "gone")
            await settle()
            table.gate.clear()
            late = asyncio.create_task(admission.admit(call(), hello("c")))
            await settle()
            admission.registry._quota.take("unknown")
            table.gate.set()
            with pytest.raises(PeerError) as caught:
                await late
            assert caught.value.status == 503
            assert table.released == [digest("c")]
        else:
            with pytest.raises(PeerError):
                await admission.admit(call(), hello("c"))
            assert table.asked == 2  # without room nothing is asked
        assert digest("c") not in table.owners

    run()


@timed
async def test_a_directory_that_cannot_say_is_answered_503() -> None:
    table = Table()
    table.error = Unavailable("it is away")
    assert table.gate is not None
    table.gate.set()
    with pytest.raises(PeerError, match="it is away") as caught:
        await shared(Application(), table).admit(call(), hello())
    assert (caught.value.status, caught.value.retry_after) == (503, 1)


@timed
async def test_an_opening_waits_for_ten_seconds_at_most() -> None:
    app, table = Application(), Table()
    began = now()
    with pytest.raises(PeerError) as caught:
        await shared(app, table).admit(call(), hello())
    assert caught.value.status == 503
    assert now() - began == pytest.approx(10)


@timed
async def test_a_relayed_call_opens_nothing() -> None:
    app, table = Application(), Table(waits=False)
    with pytest.raises(PeerError) as caught:
        await shared(app, table).admit(call(relayed=True), hello())
    assert (caught.value.status, caught.value.retry_after) == (503, 1)
    assert (app.runs, table.asked) == (0, 0)


@timed
async def test_a_relayed_opening_is_held_while_the_claim_is_on_its_way() -> None:
    app, table = Application(), Table()
    admission = shared(app, table)
    opening = asyncio.create_task(admission.admit(call(), hello()))
    await settle()
    relayed = asyncio.create_task(admission.admit(call(relayed=True), hello()))
    await settle()
    assert not relayed.done()
    assert table.gate is not None
    table.gate.set()
    first, second = await asyncio.gather(opening, relayed)
    assert not isinstance(first, Denied)
    assert not isinstance(second, Denied)
    assert first[0] is second[0]
    assert app.runs == 1


@timed
async def test_the_end_of_a_session_is_told_and_how_it_was_refused() -> None:
    table = Table(waits=False)
    admission = shared(Application(), table)
    outcome = await admission.admit(call(), hello())
    assert not isinstance(outcome, Denied)
    hosted: Hosted = outcome[0]
    assert hosted.claimed
    hosted.live.abort(1006, "gone")
    assert table.over == [(digest(), False)]
    refusing = shared(Application({"type": "websocket.close"}), table)
    assert isinstance(await refusing.admit(call(), hello("b")), Denied)
    assert table.over[1:] == [(digest("b"), True)]


@timed
async def test_a_claim_stays_while_other_credentials_may_be_tried() -> None:
    table = Table(waits=False)
    challenge: Event = {"type": "websocket.http.response.start", "status": 401}
    app = Application(challenge)
    admission = shared(app, table)
    assert isinstance(await admission.admit(call(), hello()), Denied)
    assert table.over == []
    app.decision = ACCEPT
    outcome = await admission.admit(call(authorization="Basic x"), hello())
    assert isinstance(outcome, tuple)
    assert isinstance(outcome[1], Accepted)
    await asyncio.sleep(LIMITS.refusal_age + 1)
    assert table.over == []  # it lives
    outcome[0].live.abort(1006, "gone")
    assert table.over == [(digest(), False)]


@timed
async def test_a_challenge_that_nobody_meets_ends_after_a_while() -> None:
    table = Table(waits=False)
    challenge: Event = {"type": "websocket.http.response.start", "status": 401}
    admission = shared(Application(challenge), table)
    assert isinstance(await admission.admit(call(), hello()), Denied)
    await asyncio.sleep(LIMITS.refusal_age + 1)
    assert table.over == [(digest(), False)]


@timed
async def test_a_reader_s_own_session_needs_no_claim() -> None:
    table = Table(waits=False)
    outcome = await shared(Application(), table).admit(call(), hello(), peer=READER)
    assert not isinstance(outcome, Denied)
    outcome[0].live.abort(1006, "gone")
    assert (table.asked, table.over) == (0, [])


@timed
async def test_a_user_that_no_other_process_could_be_told_is_no_user() -> None:
    app, table = Application(), Table(waits=False)

    def bind(scope: Scope) -> object:
        return frozenset({"alice"})

    with pytest.raises(PeerError) as caught:
        await shared(app, table, bind=bind).admit(call(), hello())
    assert caught.value.status == 500
    assert (app.runs, table.asked) == (0, 0)
    assert not isinstance(await Admission(app, LIMITS, bind).admit(call(), hello()), Denied)
