"""What a session does while it is measured, and what the servers used for it.

Knows: byway's client, the servers, the front.
Must not know: what is compared with what.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import byway
from benchmarks.peers.worker import Worker
from benchmarks.several.machine import cpu
from benchmarks.several.servers import Server

WARM = 60
"""Echoes before anything counts: a client over HTTP proves meanwhile what gets through."""

LIMIT = 60.0
"""Seconds that one measurement may take."""

TEXT = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the messages of a session cost.

    Attributes:
        cpu: seconds of CPU of all its servers, for a message and its echo.
        p50: seconds from a message to its echo, the median.
        push: messages a second that a handler sends.
        shares: of the CPU, what each server used.
    """

    cpu: float
    p50: float
    push: float
    shares: tuple[float, ...]


async def session(
    front: Worker, transport: str, owner: Server, relay: Server | None, echoes: int, pushed: int
) -> Cost:
    """Measure a session whose carriers are on its owner, or all of them on a relay.

    Args:
        front: passes the client's connections on.
        transport: the only one that it may use.
        owner: where it opens.
        relay: where everything else of it arrives; None for the owner.
        echoes: messages that are echoed one after the other.
        pushed: messages that the handler sends as fast as it can.
    """
    servers = (owner,) if relay is None else (owner, relay)
    where = (await front.ask({"to": owner.port}, LIMIT))["port"]
    async with asyncio.timeout(LIMIT):
        async with byway.connect(
            f"http://127.0.0.1:{where}/", transports=[transport], proxy=None, memory=False
        ) as channel:
            await _echoes(channel, 1)
            if relay is not None:
                await front.ask({"to": relay.port, "cut": True}, LIMIT)
            await _echoes(channel, WARM)
            await _push(channel, min(pushed, 2000))
            before = [cpu(server.pids) for server in servers]
            times = await _echoes(channel, echoes)
            used = [cpu(server.pids) - start for server, start in zip(servers, before, strict=True)]
            push = await _push(channel, pushed)
    if relay is not None and used[1] < 0.1 * used[0]:
        raise RuntimeError(f"{transport}: the relay had nothing to do: {used}")
    shares = tuple(one / echoes for one in used)
    return Cost(sum(shares), statistics.median(times), push, shares)


async def _echoes(channel: byway.Channel, count: int) -> list[float]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await channel.send(TEXT)
        await channel.receive()
        times.append(time.perf_counter() - start)
    return times


async def _push(channel: byway.Channel, count: int) -> float:
    start = time.perf_counter()
    await channel.send(f"push {count}")
    for _ in range(count):
        await channel.receive()
    return count / (time.perf_counter() - start)


AT_ONCE = 16
"""Sessions that are opened side by side."""


async def openings(server: Server, count: int) -> int:
    """Open sessions, some at a time, and end each; return how many there were."""
    url = f"http://127.0.0.1:{server.port}/"
    each = max(count // AT_ONCE, 1)

    async def some() -> None:
        for _ in range(each):
            async with byway.connect(url, transports=["websocket"], proxy=None, memory=False):
                pass

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return each * AT_ONCE


class Crowd:
    """Sessions that are open side by side."""

    def __init__(self, server: Server, transport: str, count: int) -> None:
        """Prepare so many sessions over one transport."""
        self._server = server
        self._transport = transport
        self._count = count
        self._contexts: list[byway.connect] = []
        self._channels: list[byway.Channel] = []

    async def __aenter__(self) -> Crowd:
        """Open them, some at a time."""
        url = f"http://127.0.0.1:{self._server.port}/"
        try:
            while len(self._channels) < self._count:
                some = [
                    byway.connect(url, transports=[self._transport], proxy=None, memory=False)
                    for _ in range(min(AT_ONCE, self._count - len(self._channels)))
                ]
                self._contexts += some
                self._channels += await asyncio.gather(*(one.__aenter__() for one in some))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        await asyncio.gather(
            *(one.__aexit__(None, None, None) for one in self._contexts), return_exceptions=True
        )

    async def echo(self, each: int) -> float:
        """Let each send so many messages, one after the other; return the CPU for a message."""
        await asyncio.gather(*(_echoes(one, WARM // 3) for one in self._channels))
        pids: Sequence[int] = self._server.pids
        before = cpu(pids)
        await asyncio.gather(*(_echoes(one, each) for one in self._channels))
        return (cpu(pids) - before) / (each * len(self._channels))
