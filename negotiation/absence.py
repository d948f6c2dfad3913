"""Absence: noticing that no server is there any more, before the resume timeout is over.

Knows: how the attempts of a session fail that has lost its carrier.
Must not know: a clock, how anything is tried.

A server that stops without a word leaves a port where nothing listens: each connection is refused
at once, over every transport. A balancer that is restarted looks the same for seconds, and so does
a process that passes calls on to the session's own, so this has to last.
"""

from __future__ import annotations

from typing import Final

from byway.errors import Attempt

SHARE: Final = 0.5
"""Share of the window for which every connection has to be refused: 15 s by default."""

LEAST: Final = 3
"""Connections that were refused, at least."""

NOBODY: Final = "nothing listens at the server's address any more"
"""What is said of it."""


class Absence:
    """Since when, and how often, every connection was refused, and nothing else was seen."""

    def __init__(self) -> None:
        """Start with somebody there."""
        self._first: float | None = None
        self._last = 0.0
        self._count = 0

    def note(self, attempt: Attempt, now: float) -> None:
        """Take an attempt in vain.

        Args:
            attempt: what became of it.
            now: the time.
        """
        if attempt.trouble != "refused":
            self.over()
            return
        self._count += 1
        self._last = now
        if self._first is None:
            self._first = now

    def over(self) -> None:
        """Take it that somebody is there, or that this is another network."""
        self._first, self._count = None, 0

    def is_certain(self, window: float) -> bool:
        """Say whether to wait no longer. What was not tried of late says nothing.

        Args:
            window: seconds that the session is kept without a carrier.
        """
        return (
            self._first is not None
            and self._count >= LEAST
            and self._last - self._first >= SHARE * window
        )
