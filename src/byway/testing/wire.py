"""The wire: one client's connection, whose bytes travel over the line.

Knows: a socket, the two lanes of the line, resets.
Must not know: HTTP, rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from byway.testing.counters import Counters
from byway.testing.limits import NetworkLimits
from byway.testing.line import DOWN, UP, Lane, Pacer


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a TCP reset, at once, whatever is still to be sent."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError, ValueError):  # closed already; ValueError by uvloop
            # Closing with a linger of 0 s sends RST in place of FIN.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def drain_wholly(writer: asyncio.StreamWriter) -> None:
    """Let `drain` wait until all is in the kernel's hands, so that a reset then loses nothing."""
    # asyncio's TLS pauses at `size >= high`, its TCP at `size > high`: with a high of 0, TLS would
    # pause with nothing to write, and never go on.
    tls = writer.get_extra_info("ssl_object") is not None
    writer.transport.set_write_buffer_limits(high=1 if tls else 0, low=0)


async def discard(writer: asyncio.StreamWriter) -> None:
    """End a connection that is of no more use, and wait until its socket is closed."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class Wire:
    """A client's connection.

    Attributes:
        gone: set when the client has closed it, or it is broken.
        address: the client's, without its port.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        number: int,
        pacer: Pacer,
        gate: asyncio.Event,
        limits: NetworkLimits,
        counters: Counters,
        touch: Callable[[], None],
    ) -> None:
        """Begin to read.

        Args:
            reader: of the socket.
            writer: of the socket.
            number: of the connection.
            pacer: the line.
            gate: nothing passes while it is not set.
            limits: bounds.
            counters: where bytes are counted.
            touch: called whenever bytes pass.
        """
        self.address: str = str((writer.get_extra_info("peername") or [""])[0])
        self.gone: asyncio.Event = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._counters = counters
        self._touch = touch
        drain_wholly(writer)
        self._up = Lane(UP, number, pacer, gate, limits.in_flight)
        self._down = Lane(DOWN, number, pacer, gate, limits.in_flight)
        self._bringing = asyncio.create_task(self._bring())
        self._carrying = asyncio.create_task(self._carry())

    async def read(self) -> bytes:
        """Wait for bytes from the client; b"" at the end."""
        return await self._up.get()

    async def write(self, data: bytes) -> None:
        """Send bytes to the client, and wait while too many are on their way."""
        await self._down.put(data)

    async def finish(self) -> None:
        """Wait until all that was written has been sent. Nothing can be written after it."""
        self._down.end()
        await asyncio.wait({self._carrying})

    async def hang_up(self, *, linger: bool = False) -> None:
        """Close the connection when all that was written has been sent.

        Args:
            linger: read away what the client still sends, for a while: closing with bytes
                unread would reset the connection, and the response might be lost.
        """
        await self.finish()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._limits.linger):
                if linger and self._writer.can_write_eof():
                    self._writer.write_eof()
                while linger and await self.read():
                    pass
                self._writer.close()
                await self._writer.wait_closed()

    def reset(self) -> None:
        """Reset the connection at once."""
        reset(self._writer)

    async def aclose(self) -> None:
        """Let go of it."""
        self._bringing.cancel()
        self._carrying.cancel()
        self._writer.transport.abort()
        await asyncio.gather(self._bringing, self._carrying, return_exceptions=True)
        await discard(self._writer)

    async def _bring(self) -> None:
        try:
            while data := await self._reader.read(self._limits.piece):
                self._counters.bytes_up += len(data)
                self._touch()
                await self._up.put(data)
        except OSError:
            pass  # the end is told below, whatever it was
        finally:
            self.gone.set()
            self._up.end()

    async def _carry(self) -> None:
        broken = False
        while data := await self._down.get():
            if broken:
                continue  # nobody is there, but whoever writes must not be stuck
            try:
                self._writer.write(data)
                await self._writer.drain()
            except OSError:
                broken = True
                self.gone.set()
            else:
                self._counters.bytes_down += len(data)
                self._touch()
