"""Every way in which a carrier can die, over every transport: the session goes on.

In each, numbered messages go both ways, the carrier dies in their midst, and all messages arrive
once and in order, after a bounded number of connections.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from byway.testing import (
    CutResponses,
    FailWith,
    LosePostAnswer,
    Network,
    Plan,
    RefuseBodies,
    RefuseChunked,
    RepeatPost,
    Response,
    Rule,
)
from tests.support.line import Line, line
from tests.support.numbered_client import NumberedSession
from tests.support.peers import TRANSPORTS, connect
from tests.support.process import Program, running
from tests.support.servers import Server, uvicorn

COUNT = 300
"""Messages each way."""

SECONDS = 1.0
"""Seconds over which they are spread."""

LONGEST = 40 * 1024

TIMEOUT = 90.0
"""Seconds after which a session has not got over it. A quiet machine takes one or two, a busy one
was seen to take 35. What is bounded for a session is how many connections it makes."""

OVER_HTTP = tuple(name for name in TRANSPORTS if name != "websocket")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve numbered messages with a heartbeat of half a second."""
    with uvicorn("tests.apps.numbered_app:failing") as one:
        yield one
    one.assert_quiet()


@dataclass
class Scene:
    """What a fault works on.

    Attributes:
        line: the line, at the client where that is what the fault works on. What is muted there
            are connections that a client keeps, and says its next requests on.
        network: the proxy between it and the server; else it is at the client.
        session: what the client does.
        url: where the client connects to.
        statuses: how many responses of the server had each status.
    """

    line: Line
    network: Network
    session: NumberedSession
    url: str
    statuses: Counter[int]

    @property
    def accepted(self) -> int:
        """How many connections the client has made."""
        at_line = self.url == self.line.url
        return self.line.accepted if at_line else self.network.counters.accepted

    @property
    def moved(self) -> bool:
        """Whether the session has gone on over another carrier; a poll that is lost costs none."""
        return len(self.session.transports) > 1 or self.session.only == "poll"


@dataclass(frozen=True)
class CountStatuses(Rule):
    """Restrict nothing, and count the server's responses by their status."""

    statuses: Counter[int]

    def response(self, response: Response, plan: Plan) -> Plan:
        """Count one."""
        self.statuses[response.status] += 1
        return plan


@dataclass(frozen=True)
class Fault:
    """A way to die.

    Attributes:
        name: what it is called.
        happen: makes it happen, and ends it.
        rules: in force all the while.
        on_line: it works on the client's line.
        over: the transports that it can befall.
        connections: that a client may make, at most. A storm makes a thousand and more; how
            many cuts there are depends on the machine.
        seconds: over which the messages are spread.
        happened: says whether it did.
    """

    name: str
    happen: Callable[[Scene], Awaitable[None]] | None = None
    rules: tuple[Rule, ...] = ()
    on_line: bool = False
    over: tuple[str, ...] = TRANSPORTS
    connections: int = 60
    seconds: float = SECONDS
    happened: Callable[[Scene], bool] = field(default=lambda scene: True)


async def fin(scene: Scene) -> None:
    for _ in range(3):
        scene.line.fin()
        await asyncio.sleep(0.2)


async def rst(scene: Scene) -> None:
    for _ in range(3):
        scene.line.rst()
        await asyncio.sleep(0.2)


async def mute(scene: Scene) -> None:
    scene.line.mute(up=True, down=True)


async def deaf(scene: Scene) -> None:
    scene.line.mute(up=True, down=False)


async def dumb(scene: Scene) -> None:
    scene.line.mute(up=False, down=True)


async def truncate(scene: Scene) -> None:
    """Close connections at bytes that are no frame's end, the first ones inside of OPEN."""
    scene.line.truncations = [350, 1357, 3001] * 3  # some connections carry less than that
    scene.line.rst()


async def stall(scene: Scene) -> None:
    """Hold request bodies back until the server's time is over."""
    scene.line.hold_up()
    await asyncio.sleep(1.2)
    await scene.network.until(lambda: scene.statuses[408] > 0)
    scene.line.pass_up()


async def refuse(scene: Scene) -> None:
    scene.line.refusing = True
    scene.line.rst()
    await asyncio.sleep(1.0)
    scene.line.refusing = False


def answering(status: int) -> Callable[[Scene], Awaitable[None]]:
    async def fail(scene: Scene) -> None:
        scene.network.use(FailWith(status))
        scene.network.kill_connections()
        await asyncio.sleep(1.0)
        await scene.network.until(lambda: scene.network.counters.answered > 0)
        scene.network.use()

    return fail


def answered(scene: Scene) -> bool:
    """Say whether its connections had ended, and it was answered by the proxy after that."""
    return scene.network.counters.killed >= 1 and scene.network.counters.answered >= 1


FAULTS = (
    Fault("fin", fin, on_line=True, happened=lambda scene: scene.line.closed >= 1 and scene.moved),
    Fault("rst", rst, on_line=True, happened=lambda scene: scene.line.closed >= 1 and scene.moved),
    Fault(
        "mute",
        mute,
        on_line=True,
        # What is on its way just then differs: nothing comes down beside the request of a poll, and
        # nothing goes up beside a batch whose response is lost. So each is asked for its sure half.
        happened=lambda scene: (
            scene.moved
            and (scene.line.lost_up if scene.session.only == "poll" else scene.line.lost_down) > 0
        ),
    ),
    Fault(
        "deaf",
        deaf,
        on_line=True,
        happened=lambda scene: scene.line.lost_up > 0 and not scene.line.lost_down,
    ),
    Fault(
        "dumb",
        dumb,
        on_line=True,
        happened=lambda scene: scene.line.lost_down > 0 and not scene.line.lost_up and scene.moved,
    ),
    Fault(
        "truncated",
        truncate,
        on_line=True,
        connections=50,
        happened=lambda scene: scene.line.ended >= 1,
    ),
    Fault(
        "stalled body",
        stall,
        rules=(RefuseChunked(),),  # an upload has no time in which its body has to be complete
        on_line=True,
        over=OVER_HTTP,
        happened=lambda scene: scene.line.held >= 1 and scene.statuses[408] >= 1,
    ),
    Fault("refused", refuse, on_line=True, happened=lambda scene: scene.line.refused >= 1),
    Fault("502", answering(502), happened=answered),
    Fault("503", answering(503), happened=answered),
    Fault("504", answering(504), happened=answered),
    Fault(
        "clean end",
        rules=(CutResponses(seconds=0.15, clean=True),),
        over=("stream", "sse"),
        happened=lambda scene: scene.network.counters.cut >= 3,
    ),
    Fault(
        "answer cut after time",
        rules=(CutResponses(seconds=0.05),),
        over=OVER_HTTP,
        connections=300,
        seconds=2.0,  # so that polls are held for longer than that
        happened=lambda scene: scene.network.counters.cut >= 3,
    ),
    Fault(
        "answer cut after size",
        rules=(CutResponses(bytes=30_000),),
        over=OVER_HTTP,
        connections=250,
        happened=lambda scene: scene.network.counters.cut >= 1,
    ),
    Fault(
        "lost answers",
        rules=(LosePostAnswer(nth=5),),
        over=OVER_HTTP,
        connections=300,
        happened=lambda scene: scene.network.counters.lost >= 1,
    ),
    Fault(
        "repeated requests",
        rules=(RepeatPost(),),
        over=OVER_HTTP,
        happened=lambda scene: scene.network.counters.repeated >= 10,
    ),
    Fault(
        "413",
        rules=(RefuseBodies(over=20_000),),
        over=OVER_HTTP,
        happened=lambda scene: scene.network.counters.answered >= 1,
    ),
)


@asynccontextmanager
async def scenery(server: Server, fault: Fault, session: NumberedSession) -> AsyncIterator[Scene]:
    statuses: Counter[int] = Counter()
    async with (
        Network(server.port, CountStatuses(statuses), *fault.rules) as network,
        line(network.port) as one,
    ):
        yield Scene(one, network, session, one.url if fault.on_line else network.url, statuses)


async def survives(server: Server, fault: Fault, transport: str) -> int:
    """Run a session that a fault befalls; return how many connections it made."""
    happened = asyncio.Event()
    session = NumberedSession(
        f"{fault.name}-{transport}".replace(" ", "-"),
        COUNT,
        fault.seconds,
        LONGEST,
        transport,
        until=happened if fault.happen else None,  # there is something left to say until then
    )
    async with scenery(server, fault, session) as scene:
        running_session = asyncio.create_task(session.run(scene.url, timeout=TIMEOUT))
        if fault.happen is not None:
            await asyncio.wait(
                {running_session, asyncio.ensure_future(session.halfway.wait())},
                return_when=asyncio.FIRST_COMPLETED,
            )
            await fault.happen(scene)
            happened.set()
        try:
            await running_session
        except AssertionError as error:
            raise AssertionError(f"{transport}: {error}") from error
        assert fault.happened(scene), f"{transport}: nothing happened: {scene}"
        accepted = scene.accepted
        assert accepted <= fault.connections, f"{transport}: {accepted} connections"
        sys.stdout.write(f"{fault.name} over {transport}: {accepted} connections\n")
    return accepted


AT_ONCE = 2
"""Faults that are tried at a time: of each second that one takes, most is waiting."""

Outcomes = dict[Fault, BaseException | None]


@pytest.fixture(scope="module")
def outcomes(server: Server, request: pytest.FixtureRequest) -> Outcomes:
    """Try the faults that are asked for, some at a time; return what each failed with."""
    asked = [
        cast(Fault, item.callspec.params["fault"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == OUTLIVES.__name__
    ]
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(fault: Fault) -> None:
        async with slots, asyncio.TaskGroup() as group:
            for transport in fault.over:
                group.create_task(survives(server, fault, transport))

    async def all_of_them() -> list[BaseException | None]:
        return await asyncio.gather(*map(one, asked), return_exceptions=True)

    return dict(zip(asked, asyncio.run(all_of_them()), strict=True))


@pytest.mark.timeout(400)  # the first of them waits for all
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_session_outlives_a_carrier_that_dies_of(outcomes: Outcomes, fault: Fault) -> None:
    failed = outcomes[fault]
    if failed is not None:
        raise failed


OUTLIVES = test_a_session_outlives_a_carrier_that_dies_of


async def test_the_answer_to_one_poll_may_be_lost_and_the_carrier_goes_on(server: Server) -> None:
    session = NumberedSession("one-poll", COUNT, SECONDS, 1000, "poll")
    async with Network(server.port, LosePostAnswer(nth=7)) as network:
        await session.run(network.url, timeout=TIMEOUT)
        assert network.counters.lost >= 3
    assert session.transports == ["poll"]


def stop(program: Program) -> None:
    """Put a process to sleep."""
    os.kill(program.pid, signal.SIGSTOP)


def wake(program: Program) -> None:
    """Let it go on."""
    os.kill(program.pid, signal.SIGCONT)


async def test_a_server_that_stands_still_for_a_while_is_found_again() -> None:
    sessions = [NumberedSession(f"still-{one}", COUNT, SECONDS, LONGEST, one) for one in TRANSPORTS]
    with uvicorn("tests.apps.numbered_app:failing") as server:
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(session.run(server.url()[:-1], timeout=30))
            await asyncio.gather(*(session.halfway.wait() for session in sessions))
            stop(server.program)
            try:
                await asyncio.sleep(2.5)  # more than the client's patience
            finally:
                wake(server.program)
    server.assert_quiet()


@asynccontextmanager
async def sleepers(server: Server, seconds: float) -> AsyncIterator[list[Program]]:
    """Run a client over each transport, and put it to sleep in the midst of its messages."""
    programs = [
        Program([sys.executable, "-m", "tests.support.sleeper", server.url()[:-1], one])
        for one in TRANSPORTS
    ]
    with running(programs[0]), running(programs[1]), running(programs[2]), running(programs[3]):
        for program in programs:
            await program.log.seen("halfway")
            stop(program)
        try:
            await asyncio.sleep(seconds)
        finally:
            for program in programs:
                wake(program)
        yield programs


async def test_a_client_that_wakes_within_the_window_goes_on(server: Server) -> None:
    async with sleepers(server, 2.5) as programs:
        for program in programs:
            await program.log.seen("complete", timeout=20)


async def test_a_client_that_wakes_too_late_is_told() -> None:
    with uvicorn("tests.apps.numbered_app:brief") as server:
        async with sleepers(server, 3.0) as programs:
            for program in programs:
                await program.log.seen(
                    "failed: closed with 1006 .*this session has ended", timeout=20
                )
    server.assert_quiet()


async def test_a_server_that_refuses_everything_sees_a_bounded_number_of_attempts(
    endpoint_server: Server,
) -> None:
    """Without pauses that grow, each client would come back a hundred times a second."""
    clients, seconds = 10, 3.0
    async with Network(endpoint_server.port) as network:

        async def client(number: int) -> None:
            async with connect(network.url + "/echo") as channel:
                await channel.send(f"first of {number}")
                assert await channel.receive() == f"first of {number}"
                await opened.wait()
                await healed.wait()
                await channel.send(f"second of {number}")
                assert await channel.receive() == f"second of {number}"

        opened, healed = asyncio.Barrier(clients + 1), asyncio.Event()
        async with asyncio.timeout(40), asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(client(number))
            await opened.wait()
            before = network.counters.requests
            network.use(FailWith(503))
            network.kill_connections()
            await asyncio.sleep(seconds)
            network.use()
            attempts = network.counters.requests - before
            healed.set()
    sys.stdout.write(f"{attempts} attempts of {clients} clients in {seconds:g} s\n")
    # Four transports a round, and some five rounds: pauses of at most 0.25, 0.5, 1, 2, 4 s are
    # drawn between them.
    assert 4 * clients <= attempts <= 40 * clients
