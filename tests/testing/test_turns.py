"""The rule about turns: one request of a client at a time, the others wait in order."""

from __future__ import annotations

import asyncio

from byway.testing import Network, OneAtATime
from tests.testing.clients import get, raw_client
from tests.testing.origin import Origin


async def test_a_request_waits_for_the_end_of_the_response_before(origin: Origin) -> None:
    async with Network(origin.port, OneAtATime()) as network:
        async with raw_client(network.port) as first, raw_client(network.port) as second:
            await first.send(get("/live"))
            await origin.pieces.put(b"begun")
            await first.head()
            await second.send(get("/size/3"))
            await network.until(lambda: network.counters.passed == 2)
            assert [one.line for one in origin.seen] == ["GET /live HTTP/1.1"]
            await origin.pieces.put(None)
            assert await second.status() == 200
        assert len(origin.seen) == 2


async def test_who_leaves_gives_its_turn_to_the_next(origin: Origin) -> None:
    """The one whose turn it is, and one that has waited for its own."""
    async with Network(origin.port, OneAtATime()) as network:
        async with raw_client(network.port) as last:
            async with raw_client(network.port) as first, raw_client(network.port) as second:
                await first.send(get("/silent"))
                await origin.request(0)
                await second.send(get("/silent"))
                await network.until(lambda: network.counters.passed == 2)
                await last.send(get("/size/3"))
                await network.until(lambda: network.counters.passed == 3)
                second.writer.transport.abort()
                await network.until(lambda: network.connections == 2)
            assert await last.status() == 200
        assert [one.line for one in origin.seen][1:] == ["GET /size/3 HTTP/1.1"]


async def test_a_websocket_holds_its_turn_while_it_is_open(origin: Origin) -> None:
    async with Network(origin.port, OneAtATime()) as network:
        async with raw_client(network.port) as other:
            async with raw_client(network.port) as client:
                await client.upgraded()
                await other.send(get("/size/3"))
                await network.until(lambda: network.counters.passed == 2)
                await client.send(b".")
                assert await client.exactly(1) == b"."
                assert len(origin.seen) == 1
            async with asyncio.timeout(10):
                assert await other.status() == 200
