"""A path that lets the requests of a client through one at a time: sessions settle on visits."""

from __future__ import annotations

import asyncio
import statistics

import byway
from byway import Memory
from byway.testing import Latency, Network
from byway.transports.http import turns
from tests.support.servers import Server

TRIP = 0.04
"""Seconds of a round trip."""


async def pings(channel: byway.Channel, count: int, pause: float) -> list[float]:
    """Send words and wait for each to come back; return how long that took."""
    loop, took = asyncio.get_running_loop(), []
    for number in range(count):
        began = loop.time()
        await channel.send(str(number))
        assert await channel.receive() == str(number)
        took.append(loop.time() - began)
        await asyncio.sleep(pause)
    return took


async def test_a_session_settles_on_visits_within_seconds(endpoint_server: Server) -> None:
    over: list[str] = []
    memory = Memory()
    async with Network(endpoint_server.port, "one-at-a-time", Latency(ms=TRIP * 500)) as network:
        async with byway.connect(
            network.url + "/echo", proxy=None, memory=memory, on_transport=over.append
        ) as channel:
            (first,) = await pings(channel, 1, 0)
            assert first < 5  # a poll that is held, or a stream, would hold it for 10 or 20 s
            settled = list(over)
            assert channel.transport == "poll"
            took = await pings(channel, 20, 0.3)
            assert over == settled
            # A batch, and the visit that brings the echo; another visit may be under way.
            assert statistics.median(took) < 4 * TRIP + 0.1
        # The next session begins with visits: nothing has to wait for its end.
        over.clear()
        posts = network.counters.posts
        async with byway.connect(
            network.url + "/echo", proxy=None, memory=memory, on_transport=over.append
        ) as channel:
            assert statistics.median(await pings(channel, 5, 0)) < turns.LEAST_WAIT
            assert over == ["poll"]
            assert network.counters.posts > posts
        await network.until(lambda: network.connections == 0)


async def test_where_only_polls_are_allowed_the_same(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, "one-at-a-time") as network:
        over: list[str] = []
        async with byway.connect(
            network.url + "/echo",
            transports="poll",
            proxy=None,
            memory=False,
            on_transport=over.append,
        ) as channel:
            took = await pings(channel, 8, 0)
            assert max(took) < 5
            assert statistics.median(took) < 0.6
        assert over == ["poll"]
        assert channel.code == 1000


async def test_once_requests_pass_together_polls_are_held_again(
    endpoint_server: Server,
) -> None:
    async with Network(endpoint_server.port, "one-at-a-time") as network:
        async with byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel:
            await pings(channel, 2, 0)
            network.use("refuse-403")
            before = network.counters.posts
            async with asyncio.timeout(turns.FIRST_INTERVAL + 20):
                while True:
                    posts = network.counters.posts
                    await asyncio.sleep(3)  # what is tested is that nothing is asked
                    if network.counters.posts == posts:
                        break
            assert network.counters.posts > before
            assert max(await pings(channel, 3, 0)) < turns.LEAST_WAIT


async def test_a_session_that_may_not_poll_is_left_as_it_is(endpoint_server: Server) -> None:
    """There would be nothing to go on with."""
    async with Network(endpoint_server.port, "one-at-a-time") as network:
        async with byway.connect(
            network.url + "/echo", transports="stream", proxy=None, memory=False
        ) as channel:
            await channel.send("hello")
            await asyncio.sleep(2 * turns.LEAST_WAIT)  # what is tested is that nothing happens
            assert channel.transport == "stream"
            assert len([one for one in network.requests if one.method == "POST"]) == 2
