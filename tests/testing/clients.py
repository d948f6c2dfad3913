"""A raw client, which sees the difference between an end and a reset.

Knows: sockets, heads of answers.
Must not know: rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

UPGRADE = (
    b"GET /raw HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
"""A handshake for the origin's raw tunnel."""


def get(path: str, *headers: str) -> bytes:
    """Write a GET."""
    lines = "".join(f"{one}\r\n" for one in headers)
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n{lines}\r\n".encode()


@dataclass
class RawClient:
    """A connection.

    Attributes:
        reader: of the socket.
        writer: of the socket.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        """Wait for the head of an answer."""
        async with asyncio.timeout(10):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def status(self) -> int:
        """Wait for the head of an answer, and return its status."""
        return int((await self.head()).split()[1])

    async def exactly(self, size: int) -> bytes:
        """Wait for so many bytes."""
        async with asyncio.timeout(10):
            return await self.reader.readexactly(size)

    async def rest(self) -> tuple[bytes, str]:
        """Read to the end; return what came, and whether that was an "end" or a "reset"."""
        data = b""
        async with asyncio.timeout(10):
            try:
                while piece := await self.reader.read(65536):
                    data += piece
            except ConnectionResetError:
                return data, "reset"
        return data, "end"

    async def upgraded(self) -> None:
        """Open the origin's raw tunnel."""
        await self.send(UPGRADE)
        assert await self.status() == 101


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawClient]:
    """Connect to a port of the loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
