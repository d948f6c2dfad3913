"""Elsewhere: how long a client goes on asking when only other processes answer.

Knows: how often, and since when, the response was that the session belongs to another process.
Must not know: a clock, carriers, what the session is.

Such a response comes where several processes share an address, and then the session lives: the next
request may reach it. It also comes from a server that was restarted, where no request ever will. So
it ends the attempt, or fails the batch, that it answers; and the session where some have come in a
row over a while, nothing of the session's own process between them, and nothing else is open.
"""

from __future__ import annotations

from typing import Final

from byway.errors import ELSEWHERE, CarrierLost, Refused

ELSEWHERE_TIME: Final = 2.0
"""Seconds from the first such response in a row to the one that is believed, at least."""

ELSEWHERE_COUNT: Final = 3
"""Such responses in a row of which the last is believed, at least."""


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
        """Take note of a sign of the session: its own process has answered."""
        self._count = 0

    def is_gone(self, error: Refused | CarrierLost | None, now: float) -> bool:
        """Say whether a response means that the session is lost, where nothing else carries it."""
        if error is None or isinstance(error, Refused):
            return error is not None
        if error.gone == ELSEWHERE:
            return self.believed(now)
        return error.gone != ""
