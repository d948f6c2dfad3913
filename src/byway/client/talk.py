"""Talk: whether the application says something just now, so that round trips are not measured.

Knows: how far a session has come.
Must not know: carriers, what a round trip takes.
"""

from __future__ import annotations

from typing import Final

from byway.negotiation.pace import Pace
from byway.session import Session, State

ANSWERED: Final = 1.0
"""Seconds for which what was said may wait for its acknowledgement, or an echo, undisturbed."""


class Talk:
    """What was said in one session."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._said = (0, 0)
        self._said_at = float("-inf")

    def look(self, session: Session, pace: Pace, now: float) -> None:
        """Tell the pace whether anything was said since the last look."""
        said = session.inbox.received, session.outbox.next
        if said != self._said:
            self._said, self._said_at = said, now
        elif not session.outbox.unacknowledged or now - self._said_at >= ANSWERED:
            return
        pace.busy(now, closing=session.state is not State.OPEN)
