"""The outbox: numbered frames that were sent and are not yet acknowledged.

Knows: numbers, the sizes of frames, the limit that the peer has announced.
Must not know: carriers, the inbox, who reads.

A message costs its size and `OVERHEAD`, charged to its closing frame; parts and CLOSE cost
nothing by themselves. A message may begin while the cost of everything before it is below the
limit, so the peer's inbox can be overdrawn by one message, and a message larger than the whole
inbox still gets through.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from byway.errors import FrameError
from byway.frames import CLOSE, HEADER
from byway.session.inbox import OVERHEAD
from byway.session.outgoing import Outgoing, fragments


class Outbox:
    """Frames from the oldest unacknowledged to the newest, each with its number.

    Attributes:
        first: number of the oldest frame kept; everything below is acknowledged.
        next: number that the next frame will get.
        size: bytes kept.
        part: bytes of a part; a longer message is numbered as several.
        kept: bytes that what is kept takes: more than travels, as empty messages take some too.
        parts: frames ever numbered that are parts of a longer message, all but its last.
    """

    __slots__ = (
        "_before",
        "_closed",
        "_cost",
        "_ends",
        "_frames",
        "_limit",
        "_ring",
        "_trimmed",
        "_written",
        "first",
        "kept",
        "next",
        "part",
        "parts",
        "size",
    )

    def __init__(self, *, part: int, ring: int | None = None, has_credit: bool = True) -> None:
        """Start empty.

        Args:
            part: bytes of a part; a longer message travels as several.
            ring: for peers that do not acknowledge: bytes kept of what was written already.
            has_credit: whether the peer announces its room; without, there is no limit.
        """
        self.first: int = 1
        self.next: int = 1
        self.size: int = 0
        self.kept: int = 0
        self.part: int = part
        self.parts: int = 0
        self._ring = ring
        self._frames: list[Outgoing] = []
        self._before: list[int] = []  # cost of all messages before the one that the frame is of
        self._ends: list[int] = []  # bytes of all frames ever, up to and with this one
        self._trimmed = 0  # bytes of all frames that were let go
        self._cost = 0  # cost of all messages ever
        self._limit: float = 0 if has_credit else float("inf")
        self._written = 0  # greatest number ever written, for the ring
        self._closed = False

    def append(self, message: Outgoing) -> bool:
        """Number a message, as one frame or as fragments, or CLOSE, behind which nothing may come.

        Returns:
            Whether it may be written now.
        """
        length, before = message.length, self._cost
        is_close = message.kind == CLOSE
        if length <= self.part or is_close:
            frames: Iterable[Outgoing] = (message,)
        else:
            frames = fragments(message, self.part)
            self.parts += (length - 1) // self.part
        for frame in frames:
            size = HEADER.size + frame.length
            self.size += size
            self.kept += size + OVERHEAD
            self._frames.append(frame)
            self._before.append(before)
            self._ends.append(self._trimmed + self.size)
            self.next += 1
        if is_close:
            self._closed = True
        else:
            self._cost = before + length + OVERHEAD
        return before < self._limit

    def acknowledge(self, received: int, room: int) -> bool:
        """Let everything up to `received` go, and learn the limit: its cost plus the room.

        What is older than an earlier call changes nothing: a repeated old request must neither
        shrink the limit nor bring frames back.

        Returns:
            Whether frames may be written now that had to wait for the limit.

        Raises:
            FrameError: `received` is beyond what was ever sent.
        """
        if received >= self.next:
            raise FrameError(
                f"the peer says that it received {received} frames, only {self.next - 1} were sent"
            )
        count = received + 1 - self.first
        if count < 0:
            return False
        before, waited = self._before, False
        limit = room + (before[count] if count < len(before) else self._cost)
        if limit > self._limit:
            waited = bool(before) and before[-1] >= self._limit
            self._limit = limit
        if count:
            trimmed = self._ends[count - 1]
            size = trimmed - self._trimmed
            self.size -= size
            self.kept -= size + OVERHEAD * count
            self._trimmed = trimmed
            del self._frames[:count], self._before[:count], self._ends[:count]
            self.first += count
        return waited

    def has(self, cursor: int) -> bool:
        """Say whether the frame `cursor`, or the oldest kept if it is gone, may be written now."""
        index = max(cursor - self.first, 0)
        return index < self._writable()

    def slice(self, cursor: int, size: int) -> tuple[int, list[Outgoing]]:
        """Return the frames that may be written now.

        Args:
            cursor: number of the first frame wanted. Where it is acknowledged already, the
                oldest frame kept comes first.
            size: bytes to return, exceeded by at most one frame.

        Returns:
            The number of the first frame returned, and the frames.
        """
        index = max(cursor - self.first, 0)
        before = self._before
        stop = len(before) if before and before[-1] < self._limit else self._writable()
        if index < stop:
            start = self._ends[index - 1] if index else self._trimmed
            stop = min(stop, bisect_right(self._ends, start + size - 1) + 1)
        return self.first + index, self._frames[index:stop]

    def wrote(self, cursor: int) -> None:
        """Say that frames below `cursor` have been written; a ring lets the oldest of them go."""
        if self._ring is None:
            return
        self._written = max(self._written, cursor - 1)
        if self.size > self._ring:
            enough = bisect_left(self._ends, self._trimmed + self.size - self._ring) + 1
            self.acknowledge(min(self.first + enough - 1, self._written), 0)

    @property
    def messages(self) -> int:
        """Count the messages ever sent. Nothing was counted for that while they were."""
        return self.next - 1 - self.parts - self._closed

    @property
    def volume(self) -> int:
        """Count the bytes of all messages ever sent."""
        return self._cost - OVERHEAD * self.messages

    @property
    def unwritten(self) -> int:
        """Bytes kept that were never written: what bounds `send()` where nobody acknowledges."""
        count = max(self._written + 1 - self.first, 0)
        return self.size - (self._ends[count - 1] - self._trimmed if count else 0)

    def _writable(self) -> int:
        """Count the frames, from the oldest, that the limit lets through."""
        before = self._before
        if not before:
            return 0
        count = len(before) if before[-1] < self._limit else bisect_left(before, self._limit)
        # CLOSE needs no room, only that everything before it may go.
        if self._closed and count == len(before) - 1:
            count += 1
        return count

    @property
    def starved(self) -> bool:
        """Whether there are frames that wait for room."""
        return self._writable() < len(self._before)

    @property
    def unacknowledged(self) -> bool:
        """Whether anything waits for an acknowledgement."""
        return bool(self._frames)
