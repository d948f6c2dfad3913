"""Many sessions at a time: all cut at one moment, or none of them read.

Memory is the server's resident set (RSS), asked for by a session of its own, after a collection
and with what malloc had kept given back. What Python allocates once and keeps (caches, arenas,
code) is taken out by a first cycle before the one that is measured.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

import byway
from byway import ClientLimits
from byway.testing import Network
from byway.testing.limits import NetworkLimits
from tests.apps.load_app import LOAD, PIECE
from tests.chaos.seeds import long_run
from tests.support.peers import TRANSPORTS, connect
from tests.support.servers import Server, uvicorn

KIB = 1024

MANY = 1000 if long_run() else 200
"""Sessions at a time."""

FILES = 12
"""Open files that a session may take here: both ends in this process, and the network's."""

OVERHEAD = 24 * KIB
"""Bytes for each session beside its outbox: the objects around each message, what malloc rounds
up, and what was written last (as much as the client had room for) where the server keeps it."""

CLIENT = ClientLimits(inbox=LOAD.inbox, window=60.0)

pytestmark = [
    pytest.mark.timeout(300 if long_run() else 90),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]


@pytest.fixture(autouse=True)
def enough_files() -> None:
    """Raise the soft bound of open files as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES * MANY if hard == resource.RLIM_INFINITY else min(FILES * MANY, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < FILES * MANY:
        pytest.skip(f"{FILES * MANY} open files are needed, {hard} are allowed")


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve with small bounds, in a fresh process."""
    with uvicorn("tests.apps.load_app:app") as one:
        yield one
    one.assert_quiet()


@dataclass
class Held:
    """What the server holds.

    Attributes:
        rss: bytes.
        sent: messages that its floods have sent.
    """

    rss: int
    sent: int


async def held(server: Server) -> Held:
    """Ask the server."""
    async with connect(server.url("/held"), "websocket") as channel:
        await channel.send("?")
        answer = await channel.receive()
        assert isinstance(answer, str)
        return Held(**json.loads(answer))


@asynccontextmanager
async def sessions(url: str) -> AsyncIterator[list[byway.Channel]]:
    """Open many sessions, over each transport as many; close them all at the end."""
    opening = asyncio.Semaphore(50)
    async with AsyncExitStack() as stack:

        async def one(number: int) -> byway.Channel:
            async with opening:
                connecting = connect(
                    url,
                    TRANSPORTS[number % len(TRANSPORTS)],
                    limits=CLIENT,
                    memory=False,
                    open_timeout=60,
                )
                return await connecting.__aenter__()

        channels = await asyncio.gather(*map(one, range(MANY)))
        stack.push_async_callback(close_all, channels)
        yield channels


async def close_all(channels: list[byway.Channel]) -> None:
    await asyncio.gather(*(channel.close() for channel in channels))


async def cut_and_resumed(server: Server) -> float:
    """Let many sessions be cut at once, in mid-message; return how long until all are back."""
    loop = asyncio.get_running_loop()
    limits = NetworkLimits(connections=10 * MANY)
    async with (
        Network(server.port, limits=limits) as network,
        sessions(network.url + "/echo") as channels,
    ):

        async def exchange(channel: byway.Channel, numbers: range) -> None:
            for number in numbers:
                await channel.send(f"{number} " + "x" * 500)
            for number in numbers:
                assert await channel.receive() == f"{number} " + "x" * 500

        await asyncio.gather(*(exchange(channel, range(5)) for channel in channels))
        talking = [asyncio.create_task(exchange(one, range(5, 15))) for one in channels]
        await asyncio.sleep(0)
        cut = network.kill_connections()
        assert cut >= MANY / 2, "else nothing was tested"
        began = loop.time()
        await asyncio.gather(*talking)
        return loop.time() - began


async def test_all_come_back_after_a_cut_and_leave_no_memory_behind(server: Server) -> None:
    await cut_and_resumed(server)
    before = await held(server)
    took = await cut_and_resumed(server)
    after = await held(server)
    sys.stdout.write(
        f"{MANY} sessions cut at once were back after {took:.1f} s; "
        f"RSS {before.rss / KIB:.0f} KiB before, {after.rss / KIB:.0f} KiB after\n"
    )
    assert after.rss <= 1.1 * before.rss


async def test_sessions_that_do_not_read_hold_no_more_than_their_bound(server: Server) -> None:
    """The handlers wait in `send()`; each session holds its outbox and one message at most."""
    async with sessions(server.url("/echo")):
        pass
    async with sessions(server.url("/echo")) as channels:
        idle = await held(server)
        await asyncio.gather(*(channel.send("flood") for channel in channels))
        full = await held(server)
        while (later := await held(server)).sent > full.sent or not later.sent:
            full = later
            await asyncio.sleep(0.5)
        # What a client has taken in is in no outbox any more; it can be overdrawn by one message.
        most = (LOAD.outbox + LOAD.inbox) / PIECE + 2
        assert 0.5 * MANY * LOAD.outbox / PIECE < full.sent <= MANY * most
        growth = (full.rss - idle.rss) / MANY
        sys.stdout.write(
            f"{MANY} idle sessions: RSS {idle.rss / KIB:.0f} KiB; none of which reads: "
            f"{full.rss / KIB:.0f} KiB, {growth / KIB:.1f} KiB more for each\n"
        )
        assert growth <= LOAD.outbox + PIECE + OVERHEAD
        for number in range(200):  # more than was held: the handlers go on
            expected = number.to_bytes(4, "big")
            got = await asyncio.gather(*(channel.receive() for channel in channels[:20]))
            assert {one[:4] for one in got if isinstance(one, bytes)} == {expected}
