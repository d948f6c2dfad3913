"""Sessions over servers with several workers, without any configuration."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import byway
from tests.server.survivors import survivors
from tests.server.test_workers_meet import ask
from tests.support.peers import TRANSPORTS, connect
from tests.support.round_robin import round_robin
from tests.support.servers import Server, uvicorn
from tests.support.worker_servers import ALL, Workers, serving, until_ready

ECHO = "tests.apps.endpoint_app:app"
WORKER = "tests.apps.worker_app:app"
SESSIONS = 6
"""Sessions over each transport."""


def quiet(server: Server) -> None:
    """Check that the log tells of no fault."""
    assert not server.tracebacks(), server.tracebacks()
    assert not server.complaints(), server.complaints()


@pytest.mark.parametrize("name", ALL)
async def test_every_session_survives(name: str) -> None:
    """Whichever worker each of its requests reaches: before, only WebSockets did."""
    with serving(ALL[name], ECHO) as server:
        found = await survivors(server.url("/echo"), SESSIONS)
        assert found == {one: Counter(survived=SESSIONS) for one in TRANSPORTS}
    quiet(server)


RESTARTING = [one for one in ALL.values() if one.restarts]


@pytest.mark.parametrize("kind", RESTARTING, ids=lambda kind: kind.name)
async def test_clients_of_a_killed_worker_are_told(kind: Workers) -> None:
    """At once, over each transport: the others know that it has ended. Theirs go on."""
    with serving(kind, WORKER) as server:
        async with AsyncExitStack() as stack:
            opened: list[tuple[byway.Channel, str]] = []
            for _ in range(5):
                for transport in TRANSPORTS:
                    # A WebSocket that is refused without a status says nothing of the session:
                    # there a client has to ask in another way.
                    ways = [transport]
                    if transport == "websocket" and not kind.denies:
                        ways = ["websocket", "poll"]
                    channel = await stack.enter_async_context(
                        connect(server.url(), transports=ways)
                    )
                    opened.append((channel, str(await channel.receive())))
            victim = Counter(owner for _, owner in opened).most_common(1)[0][0]
            os.kill(int(victim), signal.SIGKILL)
            before = time.monotonic()

            async def told(channel: byway.Channel) -> float:
                assert await channel.receive() is None
                assert channel.code == 1006
                return time.monotonic() - before

            async with asyncio.timeout(25):  # under the 30 s after which it would know by itself
                times = await asyncio.gather(*(told(one) for one, own in opened if own == victim))
            assert times
            for channel, owner in opened:
                if owner != victim:
                    await channel.send("still here")
                    assert await channel.receive() == "still here"
        until_ready(kind, server.program, 5)
        async with connect(server.url()) as channel:
            assert await channel.receive() != victim


RECYCLING = [one for one in ALL.values() if one.recycled and one.restarts]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", RECYCLING, ids=lambda kind: kind.name)
async def test_workers_that_are_recycled_lose_nothing(kind: Workers) -> None:
    """A session whose worker ends as a matter of routine is told so (1012), and comes back."""

    async def lives(transport: str) -> int:
        """Echo 40 messages, and more until a client came back; return in how many sessions."""
        sessions = done = 0
        while wanted(done):
            sessions += 1
            async with connect(server.url(), transport) as channel:
                await channel.receive()
                if sessions > 1:
                    came_back.set()
                while wanted(done) and await echoed(channel, f"message {done}"):
                    done += 1
                    await asyncio.sleep(0.02)
        return sessions

    def wanted(done: int) -> bool:
        return done < 40 or not came_back.is_set()

    async def echoed(channel: byway.Channel, message: str) -> bool:
        """Say whether a message came back, and not the end of its session in an orderly way."""
        try:
            await channel.send(message)
        except byway.ChannelClosed:
            said = None
        else:
            said = await channel.receive()
        if said is None:
            assert channel.code == 1012, (channel.code, channel.reason)
            return False
        assert said == message
        return True

    came_back = asyncio.Event()
    with serving(kind, WORKER, kind.recycled, "60") as server:
        names = [name for name in TRANSPORTS for _ in range(3)]
        async with asyncio.timeout(120):
            counts = await asyncio.gather(*(lives(name) for name in names))
        assert max(counts) > 1
    quiet(server)


def test_two_servers_of_one_shell_share_nothing() -> None:
    """They have a parent in common, and no key of it; nor has a server without workers a place."""
    with serving(ALL["uvicorn"], "tests.apps.meeting_app:app", count=2) as one:
        with serving(ALL["uvicorn"], "tests.apps.meeting_app:app", count=2) as two:
            first, second = ask(one), ask(two)
            assert first["place"] != second["place"]
            assert not set(first["processes"]) & set(second["processes"])
            with uvicorn("tests.apps.meeting_app:app") as alone:
                assert ask(alone) == {"siblings": False, "pid": alone.program.pid}


async def test_servers_that_name_a_directory_share_their_sessions(tmp_path: Path) -> None:
    """Two that were started by hand: each request of a session to the other one than before."""
    env = {"BYWAY_BACKPLANE": f"unix:{tmp_path / 'p'}"}
    with uvicorn(ECHO, env=env) as one, uvicorn(ECHO, env=env) as two:
        with round_robin(one.port, two.port) as proxy:
            found = await survivors(proxy.url("/echo"), SESSIONS)
        assert found == {name: Counter(survived=SESSIONS) for name in TRANSPORTS}
    for server in (one, two):
        quiet(server)


def test_a_directory_of_others_stops_the_start(tmp_path: Path) -> None:
    """The server says what to change, and does not serve."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p").chmod(0o755)
    env = {"BYWAY_BACKPLANE": f"unix:{tmp_path / 'p'}"}
    with pytest.raises(AssertionError, match="chmod 700"), uvicorn(ECHO, env=env):
        pass
