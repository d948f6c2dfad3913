"""The run: each way in each round, so that a machine that grows slow slows all of them.

Knows: what is compared with what.
Must not know: how a session is measured, how the result is printed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.worker import Worker, worker
from benchmarks.several.figures import Bare, Fleet, Result, Round
from benchmarks.several.machine import cpu, memory
from benchmarks.several.servers import Server, find_redis, redis, uvicorn
from benchmarks.several.talk import LIMIT, Cost, Crowd, openings, session
from byway.backplane.asking import ask_all
from byway.errors import UsageError
from byway.sessions.backplanes import named_backplanes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        rounds: rounds that count.
        echoes: messages echoed in a session.
        pushed: messages pushed in a session.
        crowd: sessions side by side, for four workers beside one.
        each: messages that each of those sends.
        idle: idle sessions whose memory is taken.
        openings: openings that Redis sees in a round.
    """

    rounds: int
    echoes: int
    pushed: int
    crowd: int
    each: int
    idle: int
    openings: int


FULL = Sizes(8, 1500, 50_000, 32, 150, 400, 800)
QUICK = Sizes(1, 100, 2000, 8, 20, 40, 20)


TRIPS = {"poll": 2}
"""Requests that a message and its echo take through a relay, where that is more than one way there
and back: the batch that brings it, and the poll."""

PARTS = ("hops", "workers", "memory", "redis")


async def measure(
    result: Result, transports: Sequence[str], sizes: Sizes, say: Say, parts: Sequence[str] = PARTS
) -> None:
    """Measure these parts, and put what was measured into the result as it comes."""
    with tempfile.TemporaryDirectory(prefix="bw-") as folder:
        path = Path(folder)
        if "hops" in parts:
            await _hops(result, transports, sizes, say, path)
        if "workers" in parts:
            await _fleets(result, transports, sizes, say, path)
        if "memory" in parts:
            await _memory(result, sizes, say, path)
        if "redis" in parts:
            await _redis(result, sizes, say, path)


async def _hops(
    result: Result, transports: Sequence[str], sizes: Sizes, say: Say, folder: Path
) -> None:
    """Measure sessions without a backplane, on their owner and through a relay."""
    place = f"unix:{folder}/place"
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        alone, again = await enter(uvicorn(folder, "off")), await enter(uvicorn(folder, "off"))
        owner, relay = await enter(uvicorn(folder, place)), await enter(uvicorn(folder, place))
        front = await enter(_part("front"))
        echoes = []
        for loop in ("asyncio", "uvloop"):
            ends = [await enter(_part("echo", loop)) for _ in range(2)]
            echoes.append(_Echo(ends[0], ends[1], f"{folder}/{loop}.sock", sizes.echoes))
        ways: list[tuple[Server, Server | None]] = [(alone, None), (again, None), (owner, None)]
        ways.append((owner, relay))
        for number in range(sizes.rounds):
            for name in transports:
                say(f"hops, round {number + 1} of {sizes.rounds}: {name}")
                turn = number % len(ways)  # none always follows the same one
                costs: dict[int, Cost] = {}
                for index in (*range(turn, len(ways)), *range(turn)):
                    opens, then = ways[index]
                    costs[index] = await session(
                        front, name, opens, then, sizes.echoes, sizes.pushed
                    )
                bare = [await one.measure() for one in echoes]
                least = await echoes[1].measure(TRIPS.get(name, 1))
                one = Round(costs[0], costs[1], costs[2], costs[3], bare[0], bare[1], least)
                result.rounds.setdefault(name, []).append(one)


def _part(name: str, *arguments: str) -> AbstractAsyncContextManager[Worker]:
    return worker(name, [sys.executable, "-m", f"benchmarks.several.{name}", *arguments])


class _Echo:
    """The bare echo that a hop is compared with."""

    def __init__(self, server: Worker, client: Worker, path: str, count: int) -> None:
        self._server = server
        self._client = client
        self._path = path
        self._count = count
        self._pids: list[int] = []

    async def measure(self, trips: int = 1) -> Bare:
        """Measure it once, each message with so many ways there and back."""
        asked = {"talk": self._path, "count": self._count, "trips": trips}
        if not self._pids:
            served = await self._server.ask({"serve": self._path}, LIMIT)
            warm = await self._client.ask(asked, LIMIT)
            self._pids = [served["pid"], warm["pid"]]
        before = cpu(self._pids)
        talked = await self._client.ask(asked, LIMIT)
        return Bare((cpu(self._pids) - before) / self._count, talked["p50"])


async def _fleets(
    result: Result, transports: Sequence[str], sizes: Sizes, say: Say, folder: Path
) -> None:
    """Measure four workers beside one, each with sessions side by side."""
    async with (
        uvicorn(folder) as one,
        uvicorn(folder, workers=4) as four,
        uvicorn(folder, "off", workers=4) as apart,
    ):
        await _ready(four, 4)
        for number in range(sizes.rounds):
            for name in transports:
                say(f"workers, round {number + 1} of {sizes.rounds}: {name}")
                used: dict[int, float] = {}
                spread: tuple[int, ...] = ()
                for count in (1, 4) if number % 2 else (4, 1):
                    server = one if count == 1 else four
                    async with Crowd(server, name, sizes.crowd) as crowd:
                        if count == 4:
                            spread = await _spread(server)
                        used[count] = await crowd.echo(sizes.each)
                control = None
                if name == "websocket":
                    async with Crowd(apart, name, sizes.crowd) as crowd:
                        control = await crowd.echo(sizes.each)
                fleet = Fleet(used[1], used[4], spread, control)
                result.fleets.setdefault(name, []).append(fleet)


async def _ready(server: Server, count: int) -> None:
    """Wait until so many workers have found each other."""
    async with asyncio.timeout(LIMIT):
        # Nothing tells when another process has started.
        while len(await _spread(server)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _spread(server: Server) -> tuple[int, ...]:
    """Return how many sessions each worker has."""
    pids = set(server.pids)
    try:
        found = named_backplanes(None)
    except UsageError:
        return ()
    spread = []
    for place in found:
        try:
            async for told in ask_all(place.backplane, {}):
                if told.said.get("pid") in pids:
                    spread.append(int(told.said["sessions"]))
        finally:
            await place.backplane.aclose()
    return tuple(sorted(spread, reverse=True))


async def _memory(result: Result, sizes: Sizes, say: Say, folder: Path) -> None:
    """Measure what an idle session over a WebSocket takes, with one, two and four workers."""
    for number in range(max(sizes.rounds // 2, 1)):
        for count in (1, 2, 4):
            say(f"memory, round {number + 1}: {count} workers")
            async with uvicorn(folder, workers=count) as server:
                if count > 1:
                    await _ready(server, count)
                async with Crowd(server, "websocket", 4 * count) as crowd:
                    await crowd.echo(1)  # whatever is made once is there now
                before = memory(server.pids)
                async with Crowd(server, "websocket", sizes.idle):
                    used = memory(server.pids) - before
            result.memory.setdefault(count, []).append(used / sizes.idle)


def _gets(port: int, count: int, pace: float) -> float:
    """Ask Redis for a key that is not there, so often, each so long after the last; time it."""
    from redis import Redis

    start = time.monotonic()
    with Redis(port=port) as client:
        for _ in range(count):
            client.get("nothing")
            time.sleep(pace)
    return time.monotonic() - start


async def _redis(result: Result, sizes: Sizes, say: Say, folder: Path) -> None:
    """Measure what an opening costs Redis, less what it does anyway; and a GET at the same pace."""
    program = find_redis()
    if program is None:
        result.skipped["an opening in Redis"] = "there is no redis-server"
        return
    async with redis(program, folder) as directory:
        async with uvicorn(folder, f"redis://127.0.0.1:{directory.port}/0") as server:
            await openings(server, 5)
            for number in range(sizes.rounds):
                say(f"Redis, round {number + 1} of {sizes.rounds}")
                start, before = time.monotonic(), cpu(directory.pids)
                opened = await openings(server, sizes.openings)
                took, used = time.monotonic() - start, cpu(directory.pids) - before
                before = cpu(directory.pids)
                await asyncio.sleep(took)  # as long again with nothing to do but renewals
                idle = cpu(directory.pids) - before
                result.opening.append((used - idle) / opened)
                before = cpu(directory.pids)
                spent = await asyncio.to_thread(_gets, directory.port, opened, took / opened)
                bare = cpu(directory.pids) - before - idle * spent / took
                result.get.append(bare / opened)
