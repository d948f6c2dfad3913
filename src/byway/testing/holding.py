"""Holding: which bytes of a response pass now, which later, and where it is cut.

Knows: blocks and budgets.
Must not know: HTTP, sockets, a clock.
"""

from __future__ import annotations

from byway.testing.plan import Hold


class HeldTooMuch(Exception):
    """More is held back than may be."""


class Holder:
    """Holds the body of one response back, as a plan says.

    Attributes:
        passing: whether anything may pass yet; the head is held with the body where that is held
            to its end, or in blocks.
        every: seconds between two calls of `flush`; None where there are none.
    """

    def __init__(self, hold: Hold | None, limit: int) -> None:
        """Start.

        Args:
            hold: how it is held back; None where it passes as it comes.
            limit: most bytes held.
        """
        self.passing: bool = hold is None or hold.behind or hold.every is not None
        self.every: float | None = None if hold is None else hold.every
        self._hold = hold
        self._limit = limit
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take bytes, and return those that pass now.

        Raises:
            HeldTooMuch: they are more than may be held.
        """
        if self._hold is None:
            return data
        if self._hold.behind:
            ready, self._held = bytes(self._held), bytearray(data)
            self._check()
            return ready
        self._held += data
        if self.every is not None:
            self._check()
            return b""
        block = self._hold.block
        if block is None or len(self._held) < block:
            self._check()
            return b""
        self.passing = True
        size = len(self._held) // block * block
        ready = bytes(self._held[:size])
        del self._held[:size]
        return ready

    def flush(self) -> bytes:
        """Return what has come by now: at the end, or where it is time to."""
        self.passing = True
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _check(self) -> None:
        if len(self._held) > self._limit:
            raise HeldTooMuch


class Budget:
    """Bytes that may pass before a cut."""

    def __init__(self, size: int | None) -> None:
        """Start with so many; None for no bound."""
        self._left = size

    def spend(self, data: bytes) -> tuple[bytes, bool]:
        """Return what of these bytes may pass, and whether that is less than all."""
        if self._left is None or len(data) <= self._left:
            if self._left is not None:
                self._left -= len(data)
            return data, False
        allowed, self._left = data[: self._left], 0
        return allowed, True
