"""A probe that is given up leaves nothing behind, and none is silent of its own making."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from byway.doctor.probing import INBOX, Probing, Way
from byway.limits import Limits
from tests.support.peers import TRANSPORTS


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
    assert Limits().probe_message > INBOX // 4
