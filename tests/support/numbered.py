"""Messages that both sides can make from a seed, and so check to the last byte by their number.

Knows: how contents, sizes and pauses follow from a seed.
Must not know: who sends the messages, over what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

LONGEST = 300 * 1024
"""Bytes of the longest message."""

SIZES = ((0.06, 0, 0), (0.74, 1, 300), (0.15, 300, 4096), (0.042, 4096, 32 * 1024))
"""Shares of the messages, and from how many bytes to how many these are; the rest is longer."""

BURST = 40
"""Messages that follow each other without a pause, at most."""

_TEXT = ("all work and no play, ça va, 🛣 " * (LONGEST // 16)).encode()
_BYTES = Random("the same for all").randbytes(LONGEST)


class Numbered:
    """The messages of one direction of one session.

    A message is known by its place: two of one direction differ unless they are very short.
    """

    def __init__(self, seed: str, count: int, *, longest: int = LONGEST) -> None:
        """Draw the kind and size of each."""
        draw = Random(f"messages/{seed}")
        self._seed = seed
        self._kinds = [(draw.random() < 0.5, min(_size(draw), longest)) for _ in range(count)]

    def __len__(self) -> int:
        """Count them."""
        return len(self._kinds)

    def __getitem__(self, number: int) -> str | bytes:
        """Make one."""
        binary, size = self._kinds[number]
        head = f"{number} of {self._seed}: ".encode()
        if binary:
            return (head + _BYTES)[:size]
        return (head + _TEXT)[:size].decode(errors="ignore")

    def bursts(self, seconds: float) -> Iterator[tuple[range, float]]:
        """Draw which follow each other at once, and the pause after them.

        Args:
            seconds: that all the pauses take together, about.
        """
        draw = Random(f"pauses/{self._seed}")
        mean = seconds * (BURST + 1) / 2 / max(len(self), 1)
        start = 0
        while start < len(self):
            stop = min(start + draw.randint(1, BURST), len(self))
            yield range(start, stop), draw.uniform(0, 2 * mean)
            start = stop


def digest(message: str | bytes) -> str:
    """Return what tells a message from all others, its kind included."""
    kind, data = ("t", message.encode()) if isinstance(message, str) else ("b", message)
    return f"{kind}{len(data)}-{hashlib.blake2b(data, digest_size=12).hexdigest()}"


def _size(draw: Random) -> int:
    chance = draw.random()
    for share, least, most in SIZES:
        if chance < share:
            return draw.randint(least, most)
        chance -= share
    return draw.randint(32 * 1024, LONGEST)
