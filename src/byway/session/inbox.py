"""The inbox: messages received in order and not yet read by the application.

Knows: numbers, parts, what a message costs, the bound of the inbox.
Must not know: carriers, the outbox, how frames arrived.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from byway.errors import FrameError
from byway.frames import BINARY, CLOSE, PART, TEXT, decode_close
from byway.session.outgoing import Message

OVERHEAD: Final = 64
"""Bytes that a message costs beside its payload, so that empty ones are bounded too. About what
CPython keeps for one."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer's CLOSE.

    Attributes:
        code: its code.
        reason: its reason.
    """

    code: int
    reason: str


class Inbox:
    """Takes numbered frames in order and gives messages.

    Attributes:
        received: number of the last frame taken; there is no gap below it.
        cost: cost of all messages ever taken.
        closed: the peer's CLOSE, once it was taken.
        too_big: a message exceeded `max_message`; it and all later ones were dropped.
        read: cost of all messages ever read.
        queued: cost of the messages that can be read.
        bound: cost of those at which the room is 0.
        dropped: messages counted and thrown away after `stop()`.
        parts: frames taken that are parts of a longer message, all but its last.
    """

    __slots__ = (
        "_max_message",
        "_messages",
        "_open_size",
        "_parts",
        "_stopped",
        "bound",
        "closed",
        "cost",
        "dropped",
        "parts",
        "queued",
        "read",
        "received",
        "too_big",
    )

    def __init__(self, *, bound: int, max_message: int) -> None:
        """Start empty.

        Args:
            bound: bytes of messages not yet read, at which the room is 0.
            max_message: longest message, in bytes.
        """
        self.bound: int = bound
        self._max_message = max_message
        self._messages: deque[tuple[Message, int]] = deque()
        self.queued: int = 0
        self._parts = bytearray()  # of the message that is open
        self._open_size = 0  # its bytes so far, dropped ones too; 0 where none is open
        self._stopped = False
        self.received: int = 0
        self.cost: int = 0
        self.read: int = 0
        self.dropped: int = 0
        self.parts: int = 0
        self.closed: Closed | None = None
        self.too_big: bool = False

    def accept(self, kind: int, payload: bytes) -> None:
        """Take the frame with the number `received + 1`.

        Raises:
            FrameError: the frame is against the protocol. It was not taken, and its number is
                still the next.
        """
        opened = self._open_size
        if self.closed is not None:
            raise FrameError("a numbered frame came after CLOSE")
        if kind != CLOSE and not opened and self.queued >= self.bound:
            # The announced limit only grows as messages are read, so a peer that begins one while
            # the queue is over its bound has not kept to any limit it was ever told.
            raise FrameError("a message began although the inbox had announced no room", status=429)
        if kind in (TEXT, BINARY):
            size = opened + len(payload)
            if size > self._max_message:
                self._overflow()
            cost = size + OVERHEAD
            if self._stopped:
                self.dropped += 1
            else:
                if opened:
                    payload = bytes(self._parts + payload)
                message: Message = payload
                if kind == TEXT:
                    try:
                        message = payload.decode()
                    except UnicodeDecodeError:
                        raise FrameError("a TEXT message is not UTF-8") from None
                self._messages.append((message, cost))
                self.queued += cost
            self.cost += cost
            if opened:
                self._open_size = 0
                self._parts = bytearray()
        elif kind == PART:
            if not payload:
                raise FrameError("PART is empty")
            self._open_size = opened + len(payload)
            if self._open_size > self._max_message:
                self._overflow()
            if not self._stopped:
                self._parts += payload
            self.parts += 1
        else:
            if opened:
                raise FrameError("CLOSE came inside a message")
            self.closed = Closed(*decode_close(payload))
        self.received += 1

    def _overflow(self) -> None:
        self.too_big = True
        self.stop()

    def stop(self) -> None:
        """Empty the inbox; count and drop what still comes."""
        self._stopped = True
        self.dropped += len(self._messages)
        self._messages.clear()
        self.queued = 0
        self._parts = bytearray()

    def pop(self) -> Message | None:
        """Return the oldest message, or None where there is none."""
        if not self._messages:
            return None
        message, cost = self._messages.popleft()
        self.queued -= cost
        self.read += cost
        return message

    def __len__(self) -> int:
        """Count the messages that can be read."""
        return len(self._messages)

    @property
    def messages(self) -> int:
        """Count the messages ever taken. Nothing was counted for that while they came."""
        return self.received - self.parts - (self.closed is not None)

    @property
    def volume(self) -> int:
        """Count the bytes of all messages ever taken."""
        return self.cost - OVERHEAD * self.messages

    @property
    def room(self) -> int:
        """Bytes left before the peer has to wait."""
        return max(self.bound - self.queued, 0)

    @property
    def limit(self) -> int:
        """Cost of all messages up to which the peer may begin one. It never shrinks."""
        room = self.bound - self.queued
        return self.cost + room if room > 0 else self.cost
