"""The race over real connections: a silent network costs little, a healed one is made use of."""

from __future__ import annotations

import asyncio
import time

import byway
from byway import Preference
from tests.support.relay import relay
from tests.support.servers import Server

QUICK = Preference(promotion_interval=0.2)


async def test_a_swallowed_upgrade_costs_no_more_than_its_patience(
    endpoint_server: Server,
) -> None:
    mark = endpoint_server.log.mark()
    async with relay(endpoint_server.port) as between:
        between.upgrades = "swallow"
        started = time.monotonic()
        async with byway.connect(between.url("/echo"), proxy=None) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            # The share of one transport in `open_timeout` would be 5 s, all of it 20 s.
            assert time.monotonic() - started < 4
            assert channel.transport == "stream"
        opened = [line for line in endpoint_server.log.since(mark) if "opened at" in line]
        assert len(opened) == 1, "the handler ran more than once"
    assert between.connections == 0


async def test_messages_survive_every_change_of_transport(endpoint_server: Server) -> None:
    """WebSockets are blocked, let through, and blocked again while numbers go both ways."""
    async with relay(endpoint_server.port) as between:
        between.upgrades = "swallow"
        over: asyncio.Queue[str] = asyncio.Queue()
        async with byway.connect(
            between.url("/echo"), transports=QUICK, proxy=None, on_transport=over.put_nowait
        ) as channel:
            done = asyncio.Event()
            count = 0

            async def send() -> None:
                nonlocal count
                while not done.is_set():
                    await channel.send(str(count))
                    count += 1
                    await asyncio.sleep(0.002)  # the pace of the messages
                await channel.send("end")

            async def change() -> None:
                assert await over.get() == "stream"
                between.upgrades = "pass"
                assert await over.get() == "websocket"
                between.upgrades = "refuse"
                between.cut()
                assert await over.get() == "stream"
                between.upgrades = "pass"
                between.cut()
                while await over.get() != "websocket":
                    pass  # stream is the first to come back
                done.set()

            async with asyncio.timeout(40), asyncio.TaskGroup() as group:
                group.create_task(send())
                group.create_task(change())
                received = []
                while (message := await channel.receive()) != "end":
                    received.append(message)
            assert received == [str(number) for number in range(count)]
            assert channel.transport == "websocket"
            assert count > 100


async def test_after_a_promotion_only_one_carrier_is_left(endpoint_server: Server) -> None:
    mark = endpoint_server.log.mark()
    async with relay(endpoint_server.port) as between:
        between.upgrades = "refuse"
        async with byway.connect(between.url("/echo"), transports=QUICK, proxy=None) as channel:
            assert channel.transport == "stream"
            between.upgrades = "pass"
            await endpoint_server.log.seen("stream carrier ended: the client left", since=mark)
            assert channel.transport == "websocket"
            await channel.send("still here")
            assert await channel.receive() == "still here"
