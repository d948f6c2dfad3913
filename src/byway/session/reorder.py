"""Reordering: frames of batches that overtook the ones before them wait for these.

Knows: numbers, and how many bytes may wait.
Must not know: what the frames mean, carriers.
"""

from __future__ import annotations

from byway.frames import Frame
from byway.session.inbox import OVERHEAD


class ReorderBuffer:
    """Keeps frames by their numbers until the ones before them have come.

    What does not fit is dropped: it is not acknowledged, so it comes again.

    Attributes:
        size: bytes kept, with an overhead for each frame.
    """

    __slots__ = ("_bound", "_frames", "size")

    def __init__(self, bound: int) -> None:
        """Start empty.

        Args:
            bound: bytes to keep at most.
        """
        self._bound = bound
        self._frames: dict[int, Frame] = {}
        self.size: int = 0

    def keep(self, number: int, frame: Frame) -> None:
        """Keep a frame, unless it is there already or there is no room."""
        size = len(frame[1]) + OVERHEAD
        if number not in self._frames and self.size + size <= self._bound:
            self._frames[number] = frame
            self.size += size

    def pop(self, number: int) -> Frame | None:
        """Return the frame with this number and let it go; None where there is none."""
        frame = self._frames.pop(number, None)
        if frame is not None:
            self.size -= len(frame[1]) + OVERHEAD
        return frame

    def clear(self) -> None:
        """Let all go."""
        self._frames.clear()
        self.size = 0
