"""Silence: whether a path cuts connections on which nothing is said, and what heartbeat it needs.

Knows: for how long nothing was said on carriers when they were cut.
Must not know: carriers, clocks, how a heartbeat is asked for.

One cut says little: a server may have been restarted. Two in a row after the same silence say that
the path allows no longer one.
"""

from __future__ import annotations

from typing import Final

LEAST: Final = 1.0
"""Seconds of silence, at least, of a cut that is taken for one because of silence."""

ALIKE: Final = 0.2
"""Two silences are alike if they differ by this share of the longer one at most."""

SHARE: Final = 0.5
"""The heartbeat that a path needs, as a share of the silence after which it cuts."""

LATE: Final = 1.2
"""Heartbeats of silence from which on the other side would have said something."""


class Silence:
    """What is known of a path and silence.

    Attributes:
        heartbeat: the longest silence to keep, in seconds; None where the usual one will do.
        limit: the silence after which the path cut, in seconds, if it did.
    """

    def __init__(self, heartbeat: float | None = None) -> None:
        """Start with what is known from the last time."""
        self.heartbeat = heartbeat
        self.limit: float | None = None
        self._last: float | None = None

    def cut(self, silence: float, heartbeat: float) -> bool:
        """Take note of a carrier that was lost.

        Args:
            silence: seconds for which nothing was said on it before.
            heartbeat: the silence that was to be kept on it.

        Returns:
            Whether `heartbeat` is a new one now, which will prevent the next such cut.
        """
        if silence >= LATE * heartbeat:
            # A heartbeat did not get through any more: the path had let the connection go before.
            silence = heartbeat
        last, self._last = self._last, silence
        if silence < LEAST or last is None:
            return False
        if abs(silence - last) > ALIKE * max(silence, last):
            return False
        needed = max(LEAST, SHARE * min(silence, last))
        if self.heartbeat is not None and needed >= self.heartbeat:
            return False
        self.heartbeat, self.limit, self._last = needed, min(silence, last), None
        return True

    def confirmed(self, age: float) -> bool:
        """Say whether the heartbeat has shown that it helps.

        Args:
            age: seconds that the carrier in use has lasted.
        """
        return self.limit is None or age > 2 * self.limit
