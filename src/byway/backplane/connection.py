"""A connection between two processes: proven first, then one call after another.

Knows: the proof, which frames belong to a call, silence.
Must not know: what a call carries, addresses, who keeps connections.

It is made for many calls that are mostly quiet: no task belongs to it, and no timer but the one
until it is proven.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from byway.backplane.base import BackplaneError, LinkLost, Unreachable
from byway.backplane.calls import OneCall
from byway.backplane.kinds import (
    ASK,
    BODY,
    CALL,
    END,
    GREET,
    LEAVE,
    NOT_HERE,
    PING,
    PONG,
    PROVE,
    REFUSAL,
    REPLY,
    REQUEST,
    TAKEN,
    TELL,
)
from byway.backplane.peer import is_ours
from byway.backplane.pipe import BUFFER, Pipe
from byway.backplane.proof import GREETING, REQUESTS, Proof
from byway.backplane.wire import HEAD, PIECE, Decoder, Frame, longest
from byway.limits import ServerLimits

LOOKS: Final = 6
"""Times that a connection is looked at in `ServerLimits.link_silence`."""

ASKED_AFTER: Final = 2
"""Looks without a word from the other end, after which it is sent PING."""

_HEAD = HEAD.size
_unpack = HEAD.unpack_from


class Holder(Protocol):
    """Whoever made a connection and keeps it."""

    limits: ServerLimits
    space: memoryview  # into which all of its connections read; what came is copied at once

    def proven(self, connection: Connection) -> None:
        """The other end has proven itself. Raising `BackplaneError` ends the connection."""

    def called(self, link: OneCall, kind: int, payload: bytes) -> None:
        """The other end begins a call (CALL), or sends a request (REQUEST), or asks (ASK)."""

    def freed(self, connection: Connection) -> None:
        """It carries no call any more, and may carry another."""

    def lost(self, connection: Connection, error: BackplaneError) -> None:
        """It has ended."""


class Connection(Pipe):
    """One end of it.

    Attributes:
        peer: name of the other end, once it is proven.
        call: what it carries now, if anything.
    """

    def __init__(self, holder: Holder, proof: Proof) -> None:
        """Wait to be connected.

        Args:
            holder: whoever keeps it.
            proof: with which it begins.
        """
        super().__init__(holder.space)
        self.peer: str = ""
        self.call: OneCall | None = None
        self.limits: ServerLimits = holder.limits
        self._holder = holder
        self._proof = proof
        self._decoder = Decoder(longest=longest(holder.limits), piece=GREETING)
        self._deadline: asyncio.TimerHandle | None = None
        self._quiet = 0  # looks since the other end was heard

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        super().connection_made(transport)
        if self.error is not None:
            return
        sock = transport.get_extra_info("socket")
        try:
            if sock is not None and not is_ours(sock):
                raise Unreachable("the other end belongs to another user of this machine")
        except OSError as error:
            self.end(Unreachable(f"the connection was lost: {error}"))
        except Unreachable as error:
            self.end(error)
        else:
            late = Unreachable(f"no proof came within {self.limits.link_time:g} s")
            self._deadline = self.loop.call_later(self.limits.link_time, self.end, late)
            self.write(GREET, self._proof.greeting)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read. Mostly it is one frame of the call, and then this is all."""
        self._quiet = 0
        if nbytes >= _HEAD and self.peer and self._decoder.fresh and self.error is None:
            data = bytes(self._space[:nbytes])
            kind, length = _unpack(data)
            if length == nbytes - _HEAD and (BODY <= kind < END or REQUEST <= kind <= REFUSAL):
                self._dispatch([(kind, data[_HEAD:])])
                return
        super().buffer_updated(nbytes)

    def take(self, data: bytes) -> None:
        """Take what was read."""
        try:
            frames = self._decoder.feed(data)
            if not self.peer:
                frames = self._prove(frames)
        except BackplaneError as error:
            self.end(error)
            return
        self._dispatch(frames)

    def _dispatch(self, frames: list[Frame]) -> None:
        try:
            for frame in frames:
                call = self.call
                if call is not None and BODY <= frame[0] <= NOT_HERE:
                    call.take(frame)
                else:
                    self._control(*frame)
        except BackplaneError as error:
            self.end(error)
            return
        call = self.call
        if call is not None and call.unread > BUFFER:
            self.pause()

    def left(self, error: BackplaneError, *, cleanly: bool) -> None:
        """Tell the call and the holder."""
        self._in_time()
        call, self.call = self.call, None
        if call is not None:
            call.leave(str(error), keep=cleanly)
        self._holder.lost(self, error)

    def set_full(self, full: bool) -> None:
        """Tell the call whether its writer has to wait."""
        if self.call is not None:
            self.call.full = full
        super().set_full(full)

    # The proof, and what is not for the call.

    def _prove(self, frames: list[Frame]) -> list[Frame]:
        proof = self._proof
        for at, (kind, payload) in enumerate(frames):
            reply = proof.take(kind, payload)
            if reply is not None:
                self.write(PROVE, reply)
            if proof.done:
                self._in_time()
                self.peer = proof.peer
                self._decoder.piece = PIECE
                self._holder.proven(self)
                return frames[at + 1 :]
        return []

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _control(self, kind: int, payload: bytes) -> None:
        call = self.call
        if kind == PING:
            if not self.full:
                self.write(PONG)
        elif kind == PONG:
            pass
        elif kind in (TAKEN, TELL, REPLY, REFUSAL) and call is not None:
            call.told(kind, payload)
        elif kind == LEAVE and self.version >= REQUESTS:
            pass  # the response has crossed it
        elif kind in (CALL, ASK, REQUEST) and self._may_begin(kind):
            if len(payload) > PIECE:
                raise LinkLost(f"a call of {len(payload)} bytes is over the bound of {PIECE}")
            if call is not None:
                call.leave("the call is over")
            begun = self.carry(asked=kind == ASK)
            self._holder.called(begun, kind, payload)
            if kind == CALL:
                self.write(TAKEN)  # with it leaves what the call's task writes at once
            elif kind == REQUEST:
                begun.take_later()
        else:
            raise LinkLost(f"a frame of kind {kind} has no place here")

    def _may_begin(self, kind: int) -> bool:
        """Say whether the other end may begin a call now."""
        if self._proof.dials or kind == REQUEST and self.version < REQUESTS:
            return False
        return self.call is None or self.call.over

    # What calls and holders use.

    @property
    def version(self) -> int:
        """The version of links that both ends speak."""
        return self._proof.version

    def carry(self, *, asked: bool = False) -> OneCall:
        """Return a link for the next call. There is none now."""
        self.call = OneCall(self, asked=asked)
        return self.call

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
