"""A TCP relay between a client and a server that can cut, refuse and swallow connections.

Knows: bytes, and the first line of an HTTP request with its headers.
Must not know: byway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from byway.testing.accepting import accept_no_more

FORBIDDEN = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 16\r\n"
    b"Connection: close\r\n\r\n<h1>Blocked</h1>"
)
"""How a filter answers what it does not let through."""

_TLS = b"\x16"
"""How a connection begins in which no head can be read (RFC 8446, section 5.1)."""


class Relay:
    """Passes bytes on until it is told otherwise.

    Attributes:
        port: where it listens, on 127.0.0.1.
        upgrades: what becomes of a WebSocket handshake: "pass", "refuse" (answered 403) or
            "swallow" (never answered) or "deaf" (opened, and then nothing goes up).
        deaf_to: words, in lower case, in the head of the newest request on connections of which
            nothing more goes up; those that are open included.
        accepted: how many connections came.
        target: the port of 127.0.0.1 that new connections are relayed to.
        heads: the head of the first request on each of them.
        handshakes: how many of them were WebSocket handshakes.
    """

    def __init__(self, port: int) -> None:
        """Relay to this port of 127.0.0.1."""
        self.port = 0
        self.upgrades = "pass"
        self.deaf_to: bytes | None = None
        self.accepted = 0
        self.heads: list[bytes] = []
        self.handshakes = 0
        self.target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._came = asyncio.Event()
        self._last: dict[asyncio.StreamWriter, bytes] = {}  # the head of the newest request
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/") -> str:
        """Return an address on it."""
        return f"http://127.0.0.1:{self.port}{path}"

    def carries(self, words: bytes) -> bool:
        """Say whether a head with these words, in lower case, was the newest of a connection."""
        return any(words in head for head in self._last.values())

    async def until_carries(self, words: bytes) -> None:
        """Wait until one does."""
        while not self.carries(words):
            self._came.clear()
            await self._came.wait()

    @property
    def connections(self) -> int:
        """How many sockets are open now, on both sides."""
        return len(self._writers)

    def cut(self) -> int:
        """Cut every connection with a reset, both ways; return how many sockets that were."""
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            head = b""
            while b"\r\n\r\n" not in head and not head.startswith(_TLS):
                piece = await reader.read(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head.split(b"\r\n\r\n")[0])
            if b"upgrade: websocket" in head.split(b"\r\n\r\n")[0].lower():
                self.handshakes += 1
                if self.upgrades == "refuse":
                    writer.write(FORBIDDEN)
                    await writer.drain()
                    return
                if self.upgrades == "swallow":
                    await reader.read()
                    return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(far)
            far.write(head)
            deaf = self.upgrades == "deaf" and b"upgrade: websocket" in head.lower()
            up = _discard(reader) if deaf else self._up(reader, far, head)
            await asyncio.gather(up, _pump(far_reader, writer))
        except OSError:
            pass  # cut, by us or by either side
        finally:
            self._tasks.discard(task)
            for one in (writer, far):
                if one is not None:
                    self._writers.discard(one)
                    self._last.pop(one, None)
                    one.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> None:
        self._last[writer] = head.lower()
        self._came.set()
        while piece := await reader.read(65536):
            if b"\r\n\r\n" in piece:
                head = piece  # of the next request, in these tests
                self._last[writer] = head.lower()
                self._came.set()
            if self.deaf_to is None or self.deaf_to not in self._last[writer]:
                writer.write(piece)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def close(self) -> None:
        """Cut everything and wait until it is gone."""
        while self._tasks:
            self.cut()
            await asyncio.wait(self._tasks, timeout=0.1)


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """Run a relay to a port of 127.0.0.1 until the end of the block."""
    one = Relay(port)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        await accept_no_more(server)
        server.close()
        await one.close()
