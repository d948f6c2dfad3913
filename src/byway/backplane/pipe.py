"""Pipe: frames to another process and bytes from it, with back-pressure both ways.

Knows: asyncio's transports, when what is written leaves, when writers have to wait.
Must not know: what a frame says, calls, the proof.

It reads into a space that is lent: asyncio's own way gets 256 KiB for each read, which costs more
than all the rest of a short message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, cast

from byway.backplane.base import BackplaneError, LinkLost
from byway.backplane.kinds import BINARY, BODY, DATA, END, REFUSAL, REPLY, REQUEST, TEXT
from byway.backplane.wire import HEAD, PIECE, Frame, encode

BUFFER: Final = 64 * 1024
"""Bytes that wait on a link to be sent, and bytes that wait to be read, each at one end. Then the
writer has to wait, or nothing more is read. One frame may exceed it."""

LOW: Final = BUFFER // 4
"""Bytes to which a buffer has to fall before it goes on."""

AT_ONCE: Final = frozenset((BODY, TEXT, BINARY, DATA, END, REQUEST, REPLY, REFUSAL))
"""Kinds that mostly come alone, where to wait for others would cost more than to send twice."""

_pack = HEAD.pack


class Pipe(asyncio.BufferedProtocol):
    """One end of a connection.

    Attributes:
        full: more than `BUFFER` waits to be sent.
        paused: nothing is read.
        error: why it has ended; None while it lives.
        loop: the loop to which it belongs.
    """

    def __init__(self, space: memoryview) -> None:
        """Wait to be connected.

        Args:
            space: into which it reads; others may read into it, too.
        """
        self.full: bool = False
        self.paused: bool = False
        self.error: BackplaneError | None = None
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._space = space
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._waiting = 0  # bytes in `_outgoing`
        self._drained: list[asyncio.Future[None]] = []
        self._closed: asyncio.Future[None] | None = None

    # What whoever extends it says.

    def take(self, data: bytes) -> None:
        """Take what was read."""
        raise NotImplementedError

    def left(self, error: BackplaneError, *, cleanly: bool) -> None:
        """It has ended; `cleanly` where what had come may still be of use."""
        raise NotImplementedError

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=BUFFER, low=LOW)
        if self.error is not None:
            self.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the space."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read out of the space."""
        if self.error is None:
            self.take(bytes(self._space[:nbytes]))

    def pause_writing(self) -> None:
        """Let writers wait."""
        self.set_full(True)

    def resume_writing(self) -> None:
        """Let writers go on."""
        self.set_full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, if nobody here ended it."""
        self._transport = None
        reason = f": {exc}" if exc else " by the other end"
        self._end(LinkLost(f"the connection was closed{reason}"), cleanly=True)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    # What others call.

    def write(self, kind: int, payload: bytes = b"") -> None:
        """Write a frame.

        A message and END leave at once. Other frames wait for the end of this turn of the loop,
        and what is written behind them leaves with them: head and body of a response are one.
        """
        length = len(payload)
        data = _pack(kind, length) + payload if length <= PIECE else encode(kind, payload)
        outgoing = self._outgoing
        if not outgoing:
            if kind in AT_ONCE:
                if self._transport is not None:
                    self._transport.write(data)
                return
            self.loop.call_soon(self._send)
        outgoing.append(data)
        self._waiting += len(data)
        if kind == END or self._waiting > BUFFER:
            self._send()

    def write_all(self, frames: Iterable[Frame]) -> None:
        """Write frames that leave at once."""
        data = b"".join(encode(*frame) for frame in frames)
        if self._outgoing:
            self._outgoing.append(data)
            self._send()
        elif self._transport is not None:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until it is not full, or has ended."""
        waiter = self.loop.create_future()
        self._drained.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._drained:
                self._drained.remove(waiter)

    def read_on(self) -> None:
        """Read again, where reading was paused."""
        if self.paused and self._transport is not None:
            self.paused = False
            self._transport.resume_reading()

    def pause(self) -> None:
        """Read no more. What is full at the other end then lets its writers wait."""
        if not self.paused and self._transport is not None:
            self.paused = True
            self._transport.pause_reading()

    def end(self, error: BackplaneError, *, flush: bool = False) -> None:
        """Close it at once.

        Args:
            error: why.
            flush: what waits to be sent is sent first, as far as the other end reads. Else it is
                dropped.
        """
        if flush:
            self._send()
        self._end(error, cleanly=False)
        if flush and self._transport is not None:
            self._transport.close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close its socket, whatever waits to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def closed(self) -> asyncio.Future[None]:
        """Return what is done when its socket is closed, once it has ended."""
        if self._closed is None:
            self._closed = self.loop.create_future()
            if self._transport is None:
                self._closed.set_result(None)
        return self._closed

    def set_full(self, full: bool) -> None:
        """Let writers wait, or go on."""
        self.full = full
        if not full:
            waiting, self._drained = self._drained, []
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_result(None)

    def _send(self) -> None:
        outgoing = self._outgoing
        if not outgoing or self._transport is None:
            return  # it was sent when much waited, or the connection has ended
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        self._waiting = 0
        self._transport.write(data)

    def _end(self, error: BackplaneError, *, cleanly: bool) -> None:
        if self.error is None:
            self.error = error
            self._outgoing.clear()
            self.left(error, cleanly=cleanly)
            self.set_full(False)


LEAVING: Final = 1.0
"""Seconds in which the other ends may read the last that was written, when a process leaves."""


async def leave(pipes: Sequence[Pipe]) -> None:
    """End them in order, and wait until their sockets are closed."""
    for pipe in pipes:
        pipe.end(LinkLost("this process leaves"), flush=True)
    if pipes:
        await asyncio.wait([pipe.closed() for pipe in pipes], timeout=LEAVING)
    for pipe in pipes:
        pipe.abort()
    await asyncio.sleep(0)  # in which the sockets of aborted ones close
