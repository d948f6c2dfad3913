"""A session outlives its connections: a relay cuts all of them in the midst of it."""

from __future__ import annotations

import asyncio

import pytest

import byway
from byway import ClientLimits
from tests.support.peers import TRANSPORTS, connect
from tests.support.relay import relay
from tests.support.servers import Server, uvicorn


async def test_no_message_is_lost_doubled_or_reordered(
    endpoint_server: Server, transport: str
) -> None:
    """6 MB go each way at once, through inboxes of 1 MiB, and are cut again and again."""
    count, size = 6000, 1000
    padding = "." * size
    async with relay(endpoint_server.port) as between:
        url = between.url(f"/push?count={count}&size={size}")
        async with connect(url, transport) as channel:

            async def send() -> None:
                for number in range(count):
                    await channel.send(f"up {number}{padding}")

            sending = asyncio.create_task(send())
            cut = 0
            for number in range(count):
                assert await channel.receive() == f"down {number}{padding}"
                if number % 100 == 50 and between.connections:
                    between.cut()
                    cut += 1
            await sending
            assert await channel.receive() == "in order", "what the handler says of the way up"
            assert cut >= 5, "else nothing was tested"


async def test_a_cut_while_requests_are_on_their_way_loses_nothing(
    endpoint_server: Server, transport: str
) -> None:
    """The cuts come at other moments each time: before, while and after a message is written."""
    async with relay(endpoint_server.port) as between:
        async with connect(between.url("/echo"), transport) as channel:
            expected = 0
            for turns in range(30):
                for number in range(expected, expected + 5):
                    await channel.send(str(number))
                for _ in range(turns):
                    await asyncio.sleep(0)  # lets the loop go on by one turn, no more
                between.cut()
                for number in range(expected, expected + 5):
                    assert await channel.receive() == str(number)
                expected += 5
        assert between.accepted > 10


async def test_the_session_survives_an_idle_cut(endpoint_server: Server, transport: str) -> None:
    """Nobody sends anything; the client comes back by itself, and the server can reach it."""
    mark = endpoint_server.log.mark()
    async with relay(endpoint_server.port) as between:
        async with connect(between.url("/echo"), transport) as channel:
            await channel.send("one")
            assert await channel.receive() == "one"
            between.cut()
            await channel.send("two")
            assert await channel.receive() == "two"
    opened = [line for line in endpoint_server.log.since(mark) if "opened at /echo" in line]
    assert len(opened) == 1, "the handler ran once"


async def test_the_close_survives_a_cut(endpoint_server: Server, transport: str) -> None:
    """The handler closes while the connection is down."""
    async with relay(endpoint_server.port) as between:
        url = between.url("/closing?code=4321&reason=enough")
        async with connect(url, transport) as channel:
            await channel.send("go")
            between.cut()
            assert await channel.receive() is None
            assert (channel.code, channel.reason) == (4321, "enough")


async def test_the_session_moves_to_another_transport(endpoint_server: Server) -> None:
    """WebSockets are blocked in mid-session; the stream takes over and nothing is lost."""
    async with relay(endpoint_server.port) as between:
        async with connect(between.url("/echo"), None) as channel:
            assert channel.transport == "websocket"
            for number in range(100):
                await channel.send(str(number))
            between.upgrades = "refuse"
            between.cut()
            for number in range(100, 200):
                await channel.send(str(number))
            assert [await channel.receive() for _ in range(200)] == [str(n) for n in range(200)]
            assert channel.transport == "stream"


async def test_a_server_that_lost_the_session_ends_it_with_1006(transport: str) -> None:
    """The process is killed and another takes its place at the same address."""
    with uvicorn("tests.apps.endpoint_app:app") as first:
        async with relay(first.port) as between:
            async with connect(between.url("/echo"), transport) as channel:
                await channel.send("one")
                assert await channel.receive() == "one"
                first.program.kill()
                with uvicorn("tests.apps.endpoint_app:app") as second:
                    between.target = second.port
                    between.cut()
                    assert await channel.receive() is None
                    assert channel.code == 1006
                    with pytest.raises(byway.ChannelClosed):
                        await channel.send("lost")


async def test_a_server_that_is_gone_for_a_window_is_lost() -> None:
    """The client gives up when the window is over, on whatever transport."""
    limits = ClientLimits(heartbeat=0.5, window=1.0, silence=0.5)
    with uvicorn("tests.apps.endpoint_app:impatient") as server:

        async def lose(transport: str) -> int | None:
            async with connect(server.url("/echo"), transport, limits=limits) as channel:
                await ready.wait()
                assert await channel.receive() is None
                return channel.code

        ready = asyncio.Barrier(len(TRANSPORTS) + 1)
        losing = [asyncio.create_task(lose(transport)) for transport in TRANSPORTS]
        await ready.wait()
        server.program.kill()
        assert await asyncio.gather(*losing) == [1006] * len(TRANSPORTS)
