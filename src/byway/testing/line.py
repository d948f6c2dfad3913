"""The line: when bytes arrive that are sent now.

Knows: delay, jitter and rate, and that bytes keep their order.
Must not know: sockets, HTTP, rules.
"""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random

from byway.testing.plan import Line

UP = "up"
DOWN = "down"

SEGMENT = 1_460
"""Bytes of a TCP segment on Ethernet: what a slow line carries at a time, at least."""

STEPS = 50
"""Pieces a second that a fast line is cut into, so that connections share it fairly."""


class Pacer:
    """Shares one line between all connections.

    Attributes:
        line: what the line is like; it may change at any time.
    """

    def __init__(self, line: Line) -> None:
        """Start with an idle line."""
        self.line: Line = line
        self._free = {UP: 0.0, DOWN: 0.0}

    def size(self) -> int | None:
        """Return the most bytes that are sent as one piece; None for no bound."""
        rate = self.line.rate
        return None if rate is None else max(SEGMENT, int(rate / STEPS))

    def backlog(self, way: str, now: float) -> float:
        """Return for how long the line is taken in one direction, in seconds."""
        return self._free[way] - now if self.line.rate else 0.0

    def due(self, way: str, size: int, now: float, connection: int, piece: int) -> float:
        """Return when a piece arrives.

        Args:
            way: UP or DOWN.
            size: bytes in it.
            now: the time.
            connection: the number of the connection, for the draw of the jitter.
            piece: the number of the piece on it, from 0.
        """
        line = self.line
        if line.rate:
            now = self._free[way] = max(now, self._free[way]) + size / line.rate
        if line.jitter:
            now += line.jitter * Random(f"{line.seed}/{connection}/{way}/{piece}").random()
        if line.handshake and way == UP and piece == 0:
            now += 2 * line.delay
        return now + line.delay


class Lane:
    """The bytes of one connection that are on their way in one direction.

    One task puts, one takes. Cancelling either loses nothing.
    """

    def __init__(
        self, way: str, connection: int, pacer: Pacer, gate: asyncio.Event, limit: int
    ) -> None:
        """Start empty.

        Args:
            way: UP or DOWN.
            connection: the number of the connection.
            pacer: the line.
            gate: nothing arrives while it is not set.
            limit: bytes on their way at which `put` waits.
        """
        self._way = way
        self._connection = connection
        self._pacer = pacer
        self._gate = gate
        self._limit = limit
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._count = 0
        self._last = 0.0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Send bytes, and wait while too many are on their way."""
        loop = asyncio.get_running_loop()
        step = self._pacer.size() or len(data)
        for start in range(0, len(data), step):
            while self._size >= self._limit:
                self._room.clear()
                await self._room.wait()
            # Others want to send as well: the line is not taken long before it is used.
            if (wait := self._pacer.backlog(self._way, loop.time()) - 1 / STEPS) > 0:
                await asyncio.sleep(wait)
            self._append(data[start : start + step])

    def end(self) -> None:
        """Send the end."""
        self._append(b"")

    async def get(self) -> bytes:
        """Wait for the next bytes that arrive; b"" at the end, as often as it is asked."""
        loop = asyncio.get_running_loop()
        while True:
            await self._gate.wait()
            if not self._pieces:
                self._changed.clear()
                await self._changed.wait()
                continue
            due, piece = self._pieces[0]
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
                continue  # the gate may be shut by now
            if piece:
                self._pieces.popleft()
                self._size -= len(piece)
                self._room.set()
            return piece

    def _append(self, piece: bytes) -> None:
        now = asyncio.get_running_loop().time()
        due = self._pacer.due(self._way, len(piece), now, self._connection, self._count)
        self._count += 1
        self._last = max(due, self._last)  # TCP keeps the order
        self._pieces.append((self._last, piece))
        self._size += len(piece)
        self._changed.set()
