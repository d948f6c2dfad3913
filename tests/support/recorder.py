"""A proxy that remembers what went up through it, and can send it again.

Knows: bytes, and where an HTTP/1.1 request with a length ends.
Must not know: byway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from byway.testing.accepting import accept_no_more

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


class Recorder:
    """Passes bytes on, and keeps those that go up.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, target: int) -> None:
        """Pass on to this port of 127.0.0.1."""
        self.port = 0
        self._target = target
        self._streams: list[bytearray] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str) -> str:
        """Return an address on it."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def requests(self) -> list[bytes]:
        """The requests so far; one without a length lasts as long as its connection."""
        found: list[bytes] = []
        for stream in self._streams:
            rest = bytes(stream)
            while b"\r\n\r\n" in rest:
                head, _, body = rest.partition(b"\r\n\r\n")
                length = _LENGTH.search(head)
                size = len(head) + 4 + (int(length[1]) if length else len(body))
                found.append(rest[:size])
                rest = rest[size:]
        return found

    async def replay(self, request: bytes) -> bytes:
        """Send a request again, on a connection of its own; return the first of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            # An upload is not answered until it ends.
            writer.write_eof()
            async with asyncio.timeout(5):
                return await reader.read(65536)
        except (ConnectionError, TimeoutError):
            return b""
        finally:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        kept = bytearray()
        self._streams.append(kept)
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            await asyncio.gather(_pump(reader, far, kept), _pump(far_reader, writer, None))
        except OSError:
            pass  # cut by either side
        finally:
            self._tasks.discard(task)
            far.transport.abort()
            writer.transport.abort()

    async def close(self) -> None:
        """Let everything go."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None
) -> None:
    while piece := await reader.read(65536):
        if kept is not None:
            kept += piece
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def recorder(target: int) -> AsyncIterator[Recorder]:
    """Run one until the end of the block."""
    one = Recorder(target)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        await accept_no_more(server)
        server.close()
        await one.close()
