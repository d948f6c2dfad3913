"""What is over leaves nothing behind, on the server or on the client."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path

import pytest

from tests.support.peers import connect, exchange
from tests.support.servers import Server, uvicorn

DESCRIPTORS = Path("/proc/self/fd")


@pytest.mark.parametrize("app", ["endpoint_app:app", "wrapped_app:base"])
async def test_closed_sessions_are_not_kept_for_a_window(app: str, transport: str) -> None:
    """Without the last acknowledgement the server keeps a session for half a minute.

    A server that still has sessions when it is told to stop says so, and waits for them.
    """
    with uvicorn(f"tests.apps.{app}") as server:

        async def close_here(number: int) -> None:
            async with connect(server.url("/echo"), transport) as channel:
                assert await exchange(channel, str(number)) == [str(number)]

        async def close_there(number: int) -> None:
            async with connect(server.url("/closing?code=4000&reason=bye"), transport) as channel:
                await channel.send(str(number))
                assert await channel.receive() is None

        for number in range(20):
            await asyncio.gather(close_here(number), close_there(number))
        server.program.stop()
        opened = [line for line in server.log.lines if "byway.server: session" in line]
        assert len(opened) == 40
        assert not [line for line in server.log.lines if "draining" in line]
    server.assert_quiet()


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="only Linux tells what is open")
async def test_a_client_that_is_cancelled_twice_leaves_no_task_and_no_connection(
    transport: str, endpoint_server: Server
) -> None:
    """In the midst of much that goes both ways, and again while it lets go of that."""

    async def converse() -> None:
        async with (
            connect(endpoint_server.url("/echo"), transport, memory=False) as channel,
            asyncio.TaskGroup() as group,
        ):

            async def talk() -> None:
                while True:
                    await channel.send("z" * 20_000)
                    await asyncio.sleep(0.001)

            group.create_task(talk())
            async for _ in channel:
                pass

    tasks, descriptors = asyncio.all_tasks(), len(os.listdir(DESCRIPTORS))
    for turn in range(40):
        one = asyncio.create_task(converse())
        await asyncio.sleep(turn * 0.003)
        one.cancel()
        for _ in range(turn % 5):
            await asyncio.sleep(0)
        one.cancel()
        await asyncio.wait({one})
        assert one.cancelled()
        assert asyncio.all_tasks() == tasks
    await asyncio.sleep(0.1)  # closed transports let go of their sockets in the next turn
    assert len(os.listdir(DESCRIPTORS)) <= descriptors
    gc.collect()  # what was not closed complains now
