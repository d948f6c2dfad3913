"""Other processes: how long a client retries while only processes without its session respond.

Knows: how often, and since when, the response was that the session belongs to another process.
Must not know: a clock, carriers, what the session is.

Where several processes share an address, such a response says little: the session lives, and the
next request may reach it. After a restart of the server every response is such a one, and the
session is lost. So one of them ends its attempt, or fails its batch. Several in a row end the
session, if they go on for a while, no other carrier is open, and the session's own process did not
respond.
"""

from __future__ import annotations

from typing import Final

from byway.errors import ELSEWHERE, CarrierLost, Refused

ELSEWHERE_TIME: Final = 2.0
"""Least seconds from the first such response in a row to the one that ends the session."""

ELSEWHERE_COUNT: Final = 3
"""Least number of such responses in a row that end the session."""


class Elsewhere:
    """The responses in a row that said that the session belongs to another process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._count = 0
        self._since = 0.0

    def believed(self, now: float) -> bool:
        """Take note of one more, and say whether the session counts as lost.

        Args:
            now: the time, in seconds of any clock that does not go back.
        """
        if not self._count:
            self._since = now
        self._count += 1
        return self._count >= ELSEWHERE_COUNT and now - self._since >= ELSEWHERE_TIME

    def heard(self) -> None:
        """Take note that the session's own process has responded."""
        self._count = 0

    def is_gone(self, error: Refused | CarrierLost | None, now: float) -> bool:
        """Say whether a response means that the session is lost, where nothing else carries it."""
        if error is None or isinstance(error, Refused):
            return error is not None
        if error.gone == ELSEWHERE:
            return self.believed(now)
        return error.gone != ""
