"""A line of a known length before a proxy, so that round trips can be counted.

Knows: bytes and their delay.
Must not know: HTTP, TLS, byway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

TRIP: Final = 0.1
"""Seconds of a round trip."""


@asynccontextmanager
async def distance(port: int) -> AsyncIterator[int]:
    """Give a port that leads to another one, a round trip of `TRIP` away."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()
    loop = asyncio.get_running_loop()

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, extra: float
    ) -> None:
        # The first bytes wait for TCP's handshake as well, which takes no time here.
        until = loop.time() + extra
        flying: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        landing = asyncio.create_task(land(flying, writer))
        try:
            while piece := await reader.read(65536):
                flying.put_nowait((max(loop.time(), until) + TRIP / 2, piece))
        except OSError:
            pass  # cut, by either side
        flying.put_nowait((loop.time() + TRIP / 2, b""))
        await landing

    async def land(
        flying: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            at, piece = await flying.get()
            await asyncio.sleep(at - loop.time())
            if not piece:
                writer.close()
                return
            writer.write(piece)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        far_reader, far = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, far))
        await asyncio.gather(pump(reader, far, TRIP), pump(far_reader, writer, 0.0))
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # Not cancelled: asyncio of Python 3.11 complains of handlers that were.
        while tasks:
            for one in writers:
                one.transport.abort()
            await asyncio.wait(tasks, timeout=0.1)
