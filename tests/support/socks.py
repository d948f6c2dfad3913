"""A SOCKS5 proxy (RFC 1928) that knows some names, and notes what it was asked for.

Knows: a connection by name or address, without a password.
Must not know: what goes through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from byway.testing.accepting import accept_no_more


class Socks:
    """A proxy for the loopback.

    Attributes:
        port: where it listens, on 127.0.0.1.
        asked: the hosts that it was asked for, as they were written.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        """Know these names."""
        self.port = 0
        self.asked: list[str] = []
        self._names = names
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            _, count = await reader.readexactly(2)
            await reader.readexactly(count)
            writer.write(b"\x05\x00")
            kind = (await reader.readexactly(4))[3]
            size = (await reader.readexactly(1))[0] if kind == 3 else 4
            raw = await reader.readexactly(size)
            host = raw.decode() if kind == 3 else ".".join(map(str, raw))
            port = int.from_bytes(await reader.readexactly(2), "big")
            self.asked.append(host)
            far_reader, far = await asyncio.open_connection(self._names.get(host, host), port)
            writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            await asyncio.gather(_pump(reader, far), _pump(far_reader, writer))
        except (OSError, EOFError):
            pass  # cut by either side
        finally:
            self._tasks.discard(task)
            for one in (writer, far):
                if one is not None:
                    one.transport.abort()

    async def close(self) -> None:
        """Let everything go."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def socks(names: Mapping[str, str]) -> AsyncIterator[Socks]:
    """Run one until the end of the block."""
    one = Socks(names)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        await accept_no_more(server)
        server.close()
        await one.close()
