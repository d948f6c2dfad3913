"""The tally: which numbers of a counted stream came, and what was wrong with them.

Knows: numbers from 1 upwards.
Must not know: messages, who counts. `page/tally.js` is the same for the other side.
"""

from __future__ import annotations


class Tally:
    """Counts what arrives of a stream whose messages are numbered 1, 2, 3, …

    Attributes:
        received: messages that came, each time they did.
        doubled: those of them that had come before.
        reordered: those of them that came after a later one.
    """

    def __init__(self) -> None:
        """Expect number 1."""
        self.received: int = 0
        self.doubled: int = 0
        self.reordered: int = 0
        self._next = 1
        self._missing: set[int] = set()

    @property
    def lost(self) -> int:
        """How many have not come though a later one has, or the other side says it sent them."""
        return len(self._missing)

    def note(self, number: int) -> None:
        """Take note of a message."""
        self.received += 1
        if number >= self._next:
            self._missing.update(range(self._next, number))
            self._next = number + 1
        elif number in self._missing:
            self._missing.remove(number)
            self.reordered += 1
        else:
            self.doubled += 1

    def settle(self, sent: int) -> None:
        """Take note that all up to a number were sent before this was said, in the same stream."""
        if sent >= self._next:
            self._missing.update(range(self._next, sent + 1))
            self._next = sent + 1

    def as_json(self) -> dict[str, int]:
        """Return the counts."""
        return {
            "received": self.received,
            "lost": self.lost,
            "doubled": self.doubled,
            "reordered": self.reordered,
        }
