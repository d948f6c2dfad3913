"""Response size: how large a response may be, by what became of the ones before.

Knows: numbers of frames, bytes.
Must not know: what a response is, time, carriers.
"""

from __future__ import annotations

from typing import Final

SMALL: Final = 4 * 1024
"""Bytes of a response that, when lost, was not lost for its size."""

ARRIVALS: Final = 8
"""Responses in a row that arrive before a larger one is tried."""


class ResponseSize:
    """Halves the size of responses when they are lost, and doubles it when they arrive.

    Some paths cut what is too large for them: the same response would never pass, however often.

    Attributes:
        size: bytes of frames in the next response, exceeded by at most one frame.
    """

    __slots__ = ("_behind", "_arrivals", "_bytes", "_largest", "size")

    def __init__(self, largest: int) -> None:
        """Start with the largest size."""
        self.size: int = largest
        self._largest = largest
        self._behind = 0
        self._bytes = 0
        self._arrivals = 0

    def wrote(self, behind: int, size: int) -> None:
        """Take note of a response.

        Args:
            behind: number of the frame behind its last.
            size: its bytes.
        """
        self._behind, self._bytes = behind, size

    def received(self, received: int) -> None:
        """Take what the peer says that it has received when it asks for the next response."""
        if not self._bytes:
            return
        if received + 1 >= self._behind:
            self._arrivals += 1
            if self._arrivals >= ARRIVALS:
                self.size, self._arrivals = min(self.size * 2, self._largest), 0
        else:
            self._arrivals = 0
            if self._bytes > SMALL:
                self.size = min(self.size, self._bytes) // 2
        self._bytes = 0
