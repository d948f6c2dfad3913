"""A connection between two processes: proven first, then one call after another.

Knows: asyncio's transports, the proof, frames, silence, back-pressure.
Must not know: what a call carries, addresses, who keeps connections.

It is made for many calls that are mostly quiet: no task belongs to it, and no timer but the one
until it is proven. What is written in one turn of the loop leaves in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, cast

from byway.backplane.base import BackplaneError, LinkLost, Unreachable
from byway.backplane.calls import OneCall
from byway.backplane.kinds import ASK, BODY, CALL, GREET, NOT_HERE, PING, PONG, PROVE, TAKEN, TELL
from byway.backplane.peer import is_ours
from byway.backplane.proof import GREETING, Proof
from byway.backplane.wire import PIECE, Decoder, Frame, encode, longest
from byway.limits import Limits

BUFFER: Final = 64 * 1024
"""Bytes that wait to be sent, and bytes that wait to be read, before the writer has to wait, or
nothing more is read. One frame may exceed it."""

LOW: Final = BUFFER // 4
"""Bytes to which a buffer has to fall before it goes on."""

LOOKS: Final = 6
"""Times that a connection is looked at in `Limits.link_silence`."""

ASKED_AFTER: Final = 2
"""Looks without a word from the other end, after which it is sent PING."""


class Holder(Protocol):
    """Whoever made a connection and keeps it."""

    limits: Limits
    space: bytearray  # into which all of its connections read; what came is copied at once

    def proven(self, connection: Connection) -> None:
        """The other end has proven itself. Raising `BackplaneError` ends the connection."""

    def called(self, link: OneCall, kind: int, payload: bytes) -> None:
        """The other end begins a call (CALL), or asks something (ASK)."""

    def freed(self, connection: Connection) -> None:
        """It carries no call any more, and may carry another."""

    def lost(self, connection: Connection, error: BackplaneError) -> None:
        """It has ended."""


class Connection(asyncio.BufferedProtocol):
    """One end of it.

    Attributes:
        peer: name of the other end, once it is proven.
        full: more than `BUFFER` waits to be sent.
        paused: more than `BUFFER` waits to be read, so nothing is read.
        call: what it carries now, if anything.
        error: why it has ended; None while it lives.
    """

    def __init__(self, holder: Holder, proof: Proof) -> None:
        """Wait to be connected.

        Args:
            holder: whoever keeps it.
            proof: with which it begins.
        """
        self.peer = ""
        self.full = False
        self.call: OneCall | None = None
        self.error: BackplaneError | None = None
        self.loop = asyncio.get_running_loop()
        self.limits: Limits = holder.limits
        self._holder = holder
        self._proof = proof
        self._space = memoryview(holder.space)
        self._decoder = Decoder(longest=longest(holder.limits), piece=GREETING)
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._outgoing: list[bytes] = []
        self._waiting = 0  # bytes in `_outgoing`
        self._drained: list[asyncio.Future[None]] = []
        self._closed: asyncio.Future[None] | None = None
        self.paused = False
        self._quiet = 0  # looks since the other end was heard

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        if self.error is not None:
            return self.abort()
        self._transport.set_write_buffer_limits(high=BUFFER, low=LOW)
        sock = transport.get_extra_info("socket")
        try:
            ours = sock is None or is_ours(sock)
        except OSError as error:
            return self.end(Unreachable(f"the connection was lost: {error}"))
        if not ours:
            return self.end(Unreachable("the other end belongs to another user of this machine"))
        self._deadline = self.loop.call_later(
            self.limits.link_time,
            self.end,
            Unreachable(f"no proof came within {self.limits.link_time:g} s"),
        )
        self.write(GREET, self._proof.greeting)
        return None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the space that all connections of the holder share."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self._quiet = 0
        if self.error is not None:
            return
        try:
            frames = self._decoder.feed(bytes(self._space[:nbytes]))
            if not self._proof.done:
                frames = self._prove(frames)
            for frame in frames:
                call = self.call
                if call is not None and BODY <= frame[0] <= NOT_HERE:
                    call.take(frame)
                else:
                    self._control(frame)
        except BackplaneError as error:
            self.end(error)
            return
        call = self.call
        if call is not None and call.unread > BUFFER and not self.paused:
            self.paused = True
            self._reach().pause_reading()

    def pause_writing(self) -> None:
        """Let writers wait."""
        self._set_full(True)

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._set_full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, if nobody here ended it."""
        self._transport = None
        reason = f": {exc}" if exc else " by the other end"
        self._ended(LinkLost(f"the connection was closed{reason}"))
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    # The proof, and what is not for the call.

    def _prove(self, frames: list[Frame]) -> list[Frame]:
        proof = self._proof
        for at, (kind, payload) in enumerate(frames):
            reply = proof.take(kind, payload)
            if reply is not None:
                self.write(PROVE, reply)
            if proof.done:
                if self._deadline is not None:
                    self._deadline.cancel()
                    self._deadline = None
                self.peer = proof.peer
                self._decoder.piece = PIECE
                self._holder.proven(self)
                return frames[at + 1 :]
        return []

    def _control(self, frame: Frame) -> None:
        kind, payload = frame
        call = self.call
        if kind == PING:
            if not self.full:
                self.write(PONG)
        elif kind == PONG:
            pass
        elif kind in (TAKEN, TELL) and call is not None:
            call.told(frame)
        elif kind in (CALL, ASK) and not self._proof.dials and (call is None or call.over):
            if len(payload) > PIECE:
                raise LinkLost(f"a call of {len(payload)} bytes is over the bound of {PIECE}")
            if call is not None:
                call.leave("the call is over")
            if kind == CALL:
                self.write(TAKEN)
            self._holder.called(self.carry(asked=kind == ASK), kind, payload)
        else:
            raise LinkLost(f"a frame of kind {kind} has no place here")

    # What calls and holders use.

    def carry(self, *, asked: bool = False) -> OneCall:
        """Return a link for the next call. There is none now."""
        self.call = OneCall(self, asked=asked)
        return self.call

    def write(self, kind: int, payload: bytes = b"") -> None:
        """Write a frame. It leaves at the end of this turn of the loop, or when much waits."""
        data = encode(kind, payload)
        if not self._outgoing:
            self.loop.call_soon(self._send)
        self._outgoing.append(data)
        self._waiting += len(data)
        if self._waiting > BUFFER:
            self._send()

    def _send(self) -> None:
        outgoing = self._outgoing
        if not outgoing or self._transport is None:
            return  # it was sent when much waited, or the connection has ended
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        self._waiting = 0
        self._transport.write(data)

    async def drained(self) -> None:
        """Wait until it is not full."""
        waiter = self.loop.create_future()
        self._drained.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._drained:
                self._drained.remove(waiter)

    def read_on(self) -> None:
        """Read again, where reading was paused."""
        if self.paused and self.error is None:
            self.paused = False
            self._quiet = 0
            self._reach().resume_reading()

    def freed(self, call: OneCall) -> None:
        """Carry another call: this one is over."""
        if self.call is call:
            self.call = None
            self.read_on()
            self._holder.freed(self)

    def look(self) -> None:
        """Look whether the other end is there. It is called `LOOKS` times in `link_silence`.

        Silence counts only while this end reads. While it does not, it says so by PONG, so that
        the other end does not take it for dead.
        """
        if self.paused:
            self._quiet = 0
            if not self.full:
                self.write(PONG)
            return
        self._quiet += 1
        if self._quiet > LOOKS:
            self.end(LinkLost(f"nothing was heard for {self.limits.link_silence:g} s"))
        elif self._quiet > ASKED_AFTER and not self.full:
            self.write(PING)

    def end(self, error: BackplaneError, *, flush: bool = False) -> None:
        """Close it at once.

        Args:
            error: why.
            flush: what waits to be sent is sent first, as far as the other end reads. Else it is
                dropped.
        """
        if flush:
            self._send()
        self._ended(error, cleanly=False)
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

    # What happens by itself.

    def _ended(self, error: BackplaneError, *, cleanly: bool = True) -> None:
        if self.error is not None:
            return
        self.error = error
        self._outgoing.clear()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        call, self.call = self.call, None
        if call is not None:
            call.leave(str(error), keep=cleanly)
        self._set_full(False)
        self._holder.lost(self, error)

    def _set_full(self, full: bool) -> None:
        self.full = full
        if self.call is not None:
            self.call.full = full
        if not full:
            waiting, self._drained = self._drained, []
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_result(None)

    def _reach(self) -> asyncio.Transport:
        assert self._transport is not None  # it reads, so it is connected
        return self._transport


LEAVING: Final = 1.0
"""Seconds in which the other ends may read the last that was written, when a process leaves."""


async def leave(connections: Sequence[Connection]) -> None:
    """End connections in order, and wait until their sockets are closed."""
    for connection in connections:
        connection.end(LinkLost("this process leaves"), flush=True)
    closed = [connection.closed() for connection in connections]
    if closed:
        await asyncio.wait(closed, timeout=LEAVING)
        for connection in connections:
            connection.abort()
    await asyncio.sleep(0)  # in which the sockets of aborted ones close
