"""One call on a connection: what `Link` is.

Knows: how a call begins and ends, which frames have come and wait.
Must not know: sockets, the proof, what a call carries.

Each call has an object of its own. So whoever holds the one of a call that is over cannot reach
the next call of the same connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from byway.backplane.base import Link, LinkLost, Unreachable
from byway.backplane.kinds import ASK, CALL, END, LEAVE, REQUEST, TAKEN, TELL
from byway.backplane.pipe import LOW
from byway.backplane.wire import PIECE, Frame
from byway.errors import UsageError

if TYPE_CHECKING:
    from byway.backplane.connection import Connection

COST: Final = 64
"""Bytes that a waiting frame counts beside its payload, so that empty ones are bounded, too."""


TAKES: Final = 0.1
"""The share of `ServerLimits.link_time` after which TAKEN is said for a request without a
response yet. Most have one before: then it is said by that."""


class OneCall(Link):
    """A link for one call.

    Attributes:
        unread: bytes that wait to be received, each frame with its cost.
        over: both ends have said END, or ASK got its TELL: the connection may carry another call.
    """

    def __init__(self, connection: Connection, *, asked: bool = False) -> None:
        """Carry nothing yet.

        Args:
            connection: the connection that carries it.
            asked: the other end has said ASK.
        """
        self.peer: str = connection.peer
        self.full: bool = connection.full
        self.unread: int = 0
        self.over: bool = False
        self._connection: Connection | None = connection
        self._frames: deque[Frame] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None
        self._replied: asyncio.Future[Frame] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = asked
        self._said_end = False
        self._heard_end = False
        self._reason = ""

    async def call(self, payload: bytes, *then: Frame) -> None:
        """Begin a call, see `Link.call`. Cancelled, it cuts the link."""
        if len(payload) > PIECE:
            raise UsageError(f"a call may not be over {PIECE} bytes")
        connection = self._reach()
        loop, limit = connection.loop, connection.limits.link_time
        taken = self._taken = loop.create_future()
        for kind, _ in then:
            self._note(kind)
        connection.write_all(((CALL, payload), *then))
        timer = loop.call_later(limit, self._not_taken, limit)
        try:
            await taken
        except BaseException:
            self.cut()
            raise
        finally:
            timer.cancel()

    def _not_taken(self, limit: float) -> None:
        for waiting in (self._taken, self._replied):
            if waiting is not None and not waiting.done():
                late = Unreachable(f"process {self.peer} did not take a call in {limit:g} s")
                waiting.set_exception(late)

    async def request(self, payload: bytes) -> Frame:
        """Send a request, see `Link.request`."""
        if len(payload) > PIECE:
            raise UsageError(f"a request may not be over {PIECE} bytes")
        connection = self._reach()
        loop, limit = connection.loop, connection.limits.link_time
        replied: asyncio.Future[Frame] = loop.create_future()
        self._replied = replied
        self._timer = loop.call_later(limit, self._not_taken, limit)
        connection.write(REQUEST, payload)
        try:
            return await replied
        finally:
            if not self.over:
                self.cut()

    def take_later(self) -> None:
        """Say TAKEN in a while, if there is no response by then."""
        connection = self._connection
        if connection is not None:
            self._timer = connection.loop.call_later(
                connection.limits.link_time * TAKES, connection.write, TAKEN
            )

    def reply(self, kind: int, payload: bytes) -> None:
        """Respond to a request, see `Link.reply`."""
        self._reach().write(kind, payload)
        self.over = True
        self.free()

    def write(self, kind: int, payload: bytes = b"") -> None:
        """Write a frame, see `Link.write`. After END nothing may be written."""
        connection = self._connection
        if connection is None:
            raise LinkLost(self._reason)
        if self._said_end:
            raise UsageError("END was written, and nothing may follow it")
        connection.write(kind, payload)
        if kind >= END:
            self._note(kind)

    def _note(self, kind: int) -> None:
        """Note what was written."""
        if kind == END:
            self._said_end = True
            self.over = self._heard_end
        elif kind == ASK:
            self._asked = True
        elif kind == TELL:
            self.over = True

    async def flush(self) -> None:
        """Wait until there is room, see `Link.flush`. Several tasks may."""
        connection = self._reach()
        while self.full:
            await connection.drained()
            self._reach()

    async def receive(self) -> Frame:
        """Return the next frame, see `Link.receive`. One task at a time; it may be cancelled.

        What had come before the other end was lost is returned first.
        """
        frames = self._frames
        while not frames:
            connection = self._connection
            if connection is None:
                raise LinkLost(self._reason)
            if self._waiter is not None:
                raise UsageError("another task is waiting to receive from this link")
            self._waiter = connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        frame = frames.popleft()
        self.unread -= len(frame[1]) + COST
        if self.unread <= LOW and self._connection is not None and self._connection.paused:
            self._connection.read_on()
        return frame

    def free(self) -> None:
        """Let the connection carry another call; where the call is not over, cut it."""
        if not self.over:
            self.cut()
        elif self._connection is not None:
            connection = self._connection
            self.leave("the call is over")
            connection.freed(self)

    def cut(self) -> None:
        """Close it at once, see `Link.cut`."""
        if self._connection is not None:
            self._connection.end(LinkLost("the link was cut here"))

    # What the connection calls.

    def take(self, frame: Frame) -> None:
        """Keep a frame that came for the call."""
        if frame[0] == LEAVE and self.on_leave is not None:
            self.on_leave()
            return
        if self._heard_end:
            raise LinkLost(f"a frame of kind {frame[0]} came after END")
        if frame[0] == END:
            self._heard_end = True
            self.over = self._said_end
        self._frames.append(frame)
        self.unread += len(frame[1]) + COST
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def told(self, kind: int, payload: bytes) -> None:
        """Take TAKEN, TELL, or the response to a request."""
        if self._replied is not None and not self._replied.done():
            self._in_time()
            if kind == TELL:
                raise LinkLost("TELL has no place in a request")
            if kind != TAKEN:
                self.over = True
                self._replied.set_result((kind, payload))
                self.free()
        elif kind == TAKEN and self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        elif kind == TELL and self._asked and not self.over:
            self.over = True
            self.take((kind, payload))
        else:
            raise LinkLost(f"a frame of kind {kind} has no place here")

    def leave(self, reason: str, *, keep: bool = True) -> None:
        """Have no connection any more.

        Args:
            reason: why.
            keep: what has come may still be received.
        """
        self._connection = None
        self._reason = reason
        self.full = False
        if not keep:
            self._frames.clear()
        if self._taken is not None and not self._taken.done():
            self._taken.set_exception(LinkLost(reason))
            self._taken.exception()  # it was looked at: its caller may have been cancelled
        if self._replied is not None and not self._replied.done():
            self._replied.set_exception(LinkLost(reason))
            self._replied.exception()
        self._in_time()
        self._wake()

    def _in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _reach(self) -> Connection:
        if self._connection is None:
            raise LinkLost(self._reason)
        return self._connection
