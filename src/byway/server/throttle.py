"""Throttle: what is said again and again is said once in a while.

Knows: what was said, and when.
Must not know: what it is about, who hears it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

INTERVAL: Final = 60.0
"""Seconds, at least, between two times that the same is said."""

MOST: Final = 100
"""How many different things are said in an interval at most."""


class Throttle:
    """Says whether something is worth saying.

    It remembers at most `MOST` things; while all of them are younger than the interval, nothing new
    is worth saying either, so that what others choose cannot fill a log.
    """

    def __init__(
        self,
        *,
        interval: float = INTERVAL,
        most: int = MOST,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Start with nothing said.

        Args:
            interval: seconds, at least, between two times that the same is said.
            most: how many things are remembered.
            clock: returns the time in seconds.
        """
        self._interval = interval
        self._most = most
        self._clock = clock
        self._said: OrderedDict[str, float] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._said)

    def __contains__(self, what: str) -> bool:
        """Say whether something was said within the interval, as far as it is remembered."""
        return what in self._said

    def due(self, what: str) -> bool:
        """Say whether something may be said now, and take it that it is."""
        now = self._clock()
        while self._said and now - next(iter(self._said.values())) >= self._interval:
            self._said.popitem(last=False)
        if what in self._said or len(self._said) >= self._most:
            return False
        self._said[what] = now
        return True
