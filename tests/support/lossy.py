"""A TCP relay before a Redis that loses responses: what was asked was done, and nobody hears of it.

Knows: bytes, and when to cut.
Must not know: what is asked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from byway.testing.accepting import accept_no_more


class Lossy:
    """Passes bytes on, and now and then loses what comes back, with the connection.

    Attributes:
        port: where it listens, on 127.0.0.1.
        chance: of each piece that comes back, to be lost.
        lost: how many were.
    """

    def __init__(self, target: int, chance: float, seed: int) -> None:
        """Relay to this port of 127.0.0.1."""
        self.port = 0
        self.chance = chance
        self.lost = 0
        self._target = target
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(up_writer)
            passing = [
                asyncio.ensure_future(self._pass(reader, up_writer, 0.0)),
                asyncio.ensure_future(self._pass(up_reader, writer, self.chance)),
            ]
            try:
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in passing:
                    one.cancel()
                await asyncio.wait(passing)
        except (OSError, asyncio.CancelledError):
            pass  # nobody is there, or the test is over
        finally:
            for one_writer in writers:
                one_writer.transport.abort()
            for one_writer in writers:
                with suppress(OSError):
                    await one_writer.wait_closed()
            self._tasks.discard(task)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: float
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._random.random() < chance:
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()

    async def aclose(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def lossy(target: int, chance: float, seed: int = 0) -> AsyncIterator[Lossy]:
    """Run a relay before this port."""
    relay = Lossy(target, chance, seed)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        await accept_no_more(server)
        server.close()
        await relay.aclose()
        await server.wait_closed()
