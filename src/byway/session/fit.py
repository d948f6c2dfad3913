"""Fit: how large an answer may be, by what became of the ones before.

Knows: numbers of frames, bytes.
Must not know: what an answer is, time, carriers.
"""

from __future__ import annotations

from typing import Final

SMALL: Final = 4 * 1024
"""Bytes of an answer that, when lost, was not lost for its size."""

ARRIVALS: Final = 8
"""Answers in a row that arrive before a larger one is tried."""


class Fit:
    """Halves the size of answers when they are lost, and doubles it when they arrive.

    Some paths cut what is too large for them: the same answer would never pass, however often.

    Attributes:
        size: bytes of frames in the next answer, exceeded by at most one frame.
    """

    __slots__ = ("_answered", "_arrivals", "_bytes", "_largest", "size")

    def __init__(self, largest: int) -> None:
        """Start with the largest size."""
        self.size: int = largest
        self._largest = largest
        self._answered = 0
        self._bytes = 0
        self._arrivals = 0

    def wrote(self, behind: int, size: int) -> None:
        """Take note of an answer.

        Args:
            behind: number of the frame behind its last.
            size: its bytes.
        """
        self._answered, self._bytes = behind, size

    def received(self, received: int) -> None:
        """Take what the peer says that it has received when it asks for the next answer."""
        if not self._bytes:
            return
        if received + 1 >= self._answered:
            self._arrivals += 1
            if self._arrivals >= ARRIVALS:
                self.size, self._arrivals = min(self.size * 2, self._largest), 0
        else:
            self._arrivals = 0
            if self._bytes > SMALL:
                self.size = min(self.size, self._bytes) // 2
        self._bytes = 0
