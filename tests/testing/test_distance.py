"""Latency and bandwidth: when bytes arrive, and in which order."""

from __future__ import annotations

import asyncio

import pytest

from byway import UsageError
from byway.testing import Bandwidth, Latency, Line, Network, NetworkLimits
from byway.testing.line import DOWN, UP, Pacer
from tests.testing.clients import get, raw_client
from tests.testing.origin import Origin


def clock() -> float:
    return asyncio.get_running_loop().time()


async def test_a_round_trip_takes_twice_the_latency(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=50)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            for _ in range(3):
                start = clock()
                await client.send(b"ping")
                await client.exactly(4)
                assert 0.095 <= clock() - start < 0.5


async def test_what_is_sent_meanwhile_travels_beside_it(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=100)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            start = clock()
            for _ in range(20):
                await client.send(b".")
                await asyncio.sleep(0)
            await client.exactly(20)
            assert 0.195 <= clock() - start < 1.0  # not 20 round trips


async def test_a_new_connection_takes_one_more_round_trip_if_asked(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=30, handshake=True)) as network:
        async with raw_client(network.port) as client:
            for least in (0.115, 0.055):
                start = clock()
                await client.send(get("/size/1"))
                await client.head()
                await client.exactly(1)
                assert least <= clock() - start < least + 0.4


async def test_bytes_keep_their_order_under_jitter(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=1, jitter=20)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            wanted = b""
            for number in range(200):
                wanted += b"%d," % number
                await client.send(b"%d," % number)
                await asyncio.sleep(0)
            assert await client.exactly(len(wanted)) == wanted


async def test_a_narrow_line_is_shared(origin: Origin) -> None:
    async with Network(origin.port, Bandwidth(200_000)) as network:

        async def download() -> float:
            async with raw_client(network.port) as client:
                await client.send(get("/size/40000"))
                await client.head()
                await client.exactly(40_000)
                return clock()

        start = clock()
        ends = await asyncio.gather(download(), download())
        assert 0.38 <= max(ends) - start < 1.0
        assert min(ends) - start >= 0.3  # neither was served first


async def test_a_sender_waits_while_too_much_is_on_its_way(origin: Origin) -> None:
    limits = NetworkLimits(in_flight=10_000, piece=1_000)
    async with Network(origin.port, Latency(ms=50), limits=limits) as network:
        async with raw_client(network.port) as client:
            start = clock()
            await client.send(get("/size/100000"))
            await client.head()
            await client.exactly(100_000)
            assert clock() - start > 0.4  # ten lots, one after the other


async def test_a_line_that_is_shortened_is_short_at_once(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=300)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            network.use()
            start = clock()
            await client.send(b"ping")
            await client.exactly(4)
            assert clock() - start < 0.25


async def test_the_end_travels_as_long_as_the_bytes(origin: Origin) -> None:
    async with Network(origin.port, Latency(ms=100)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/size/5", "Connection: close"))
            start = clock()
            await client.head()
            assert await client.rest() == (b"xxxxx", "end")
            assert clock() - start >= 0.19


def test_pieces_queue_for_a_narrow_line_in_each_direction() -> None:
    pacer = Pacer(Line(delay=1.0, rate=100.0))
    assert pacer.due(UP, 100, 10.0, 1, 0) == pytest.approx(12.0)
    assert pacer.due(UP, 100, 10.0, 2, 0) == pytest.approx(13.0)
    assert pacer.due(DOWN, 100, 10.0, 1, 0) == pytest.approx(12.0)
    assert pacer.due(UP, 100, 50.0, 1, 1) == pytest.approx(52.0)


def test_jitter_is_the_same_in_every_run() -> None:
    line = Line(delay=1.0, jitter=0.5)
    first = [Pacer(line).due(UP, 1, 0.0, 1, number) for number in range(50)]
    assert first == [Pacer(line).due(UP, 1, 0.0, 1, number) for number in range(50)]
    assert all(1.0 <= one <= 1.5 for one in first)
    assert len(set(first)) > 40


def test_lines_compose() -> None:
    line = Line()
    for rule in (Latency(ms=10), Latency(ms=20, jitter=5), Bandwidth(100), Bandwidth(50)):
        line = rule.line(line)
    assert line.delay == pytest.approx(0.03)
    assert line.rate == 50


def test_wrong_arguments_are_refused() -> None:
    for wrong in (lambda: Latency(ms=-1), lambda: Bandwidth(0)):
        with pytest.raises(UsageError):
            wrong()
