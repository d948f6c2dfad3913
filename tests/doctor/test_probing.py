"""A probe that is given up leaves nothing behind, and none is silent of its own making."""

from __future__ import annotations

import asyncio

import pytest

from byway.doctor.probing import INBOX, Probing, Way
from byway.doctor.timing import least_trip
from byway.http_library import httpx
from byway.limits import ServerLimits
from byway.testing import Latency, Network
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_probe_that_is_cancelled_twice_leaves_no_task_and_no_connection(
    transport: str,
) -> None:
    connections: set[asyncio.StreamWriter] = set()
    accepted = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        accepted.set()
        try:
            while await reader.read(1000):
                pass
        finally:
            connections.discard(writer)
            writer.close()
            left.set()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    way = Way(httpx.URL(f"http://127.0.0.1:{port}/"), [], None, None)
    async with server:
        before = asyncio.all_tasks()
        for turns in range(4):
            accepted.clear()
            left = asyncio.Event()

            async def probe() -> None:
                async with Probing(transport, way, timeout=30.0):
                    await asyncio.Event().wait()

            probing = asyncio.create_task(probe())
            await accepted.wait()
            ours = asyncio.all_tasks() - before - {probing}
            ours = {task for task in ours if "never_answer" not in str(task.get_coro())}
            assert ours
            probing.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)  # turns of the loop, so that it is caught at another place
            probing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probing
            assert all(task.done() for task in ours)
            await left.wait()
            assert not connections


def test_an_acknowledgement_is_due_before_a_probe_of_the_server_waits_for_it() -> None:
    """It is due at a quarter of the inbox; what waits for the next heartbeat looks silent."""
    assert ServerLimits().probe_message > INBOX // 4


async def test_a_round_trip_that_takes_longer_than_the_next_ping_waits_is_seen(
    doctor_server: Server,
) -> None:
    """Each PING is repeated after a second, and the PONG to the first may come after that."""
    async with Network(doctor_server.port, Latency(ms=600)) as network:
        way = Way(httpx.URL(f"{network.url}/chat"), [], None, None)
        async with Probing("websocket", way, timeout=20.0) as probing:
            assert await probing.prove(probing.started + 10)


async def test_the_least_of_several_round_trips_is_what_the_way_takes(
    doctor_server: Server,
) -> None:
    """The machine, or the line, may be busy with something else at first."""
    async with Network(doctor_server.port, Latency(ms=250)) as network:
        way = Way(httpx.URL(f"{network.url}/chat"), [], None, None)
        async with Probing("websocket", way, timeout=20.0) as probing:
            assert await probing.prove(probing.started + 10)
            timing = asyncio.create_task(least_trip(probing, probing.started + 20))
            await network.until(lambda: probing.proven is not None)
            network.use()
            least = await timing
    assert least is not None
    assert least < 0.5
