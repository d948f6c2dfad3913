"""What a client tried in vain, for its errors, its report and the next try.

Knows: attempts, and what is made of them: a report, a pause, the certainty that nobody is there.
Must not know: what is running, how an attempt is made.
"""

from __future__ import annotations

import logging
import time
from typing import Final

from byway.client.attempt_log import AttemptLog
from byway.client.running import Running
from byway.errors import Attempt, CarrierLost, NoTransport, Refused
from byway.negotiation.absence import Absence
from byway.negotiation.retry import GiveUp, Retries

logger: logging.Logger = logging.getLogger("byway.client")

MAX_ATTEMPTS: Final = 48
"""Attempts in vain that are kept of an opening, the newest: a dozen rounds."""


class Record:
    """What one session has tried in vain.

    Attributes:
        attempts: until it opened, in order: the newest.
        attempt_log: then and later.
        retries: when the next round may begin.
        absence: whether anybody is there at all.
    """

    def __init__(self, order: tuple[str, ...], *, proxy: bool) -> None:
        """Start with nothing.

        Args:
            order: the transports that may be tried.
            proxy: whether there is one in between. When that is away, it says nothing of the
                server.
        """
        self.attempts: list[Attempt] = []
        self.attempt_log: AttemptLog = AttemptLog(order)
        self.retries: Retries = Retries()
        self.absence: Absence = Absence()
        self._proxy = proxy

    def note(
        self,
        one: Running,
        now: float,
        why: str,
        error: Refused | CarrierLost | None = None,
        *,
        session: str,
        opening: bool,
    ) -> None:
        """Take note of one that was in vain.

        Args:
            one: the attempt, or the carrier.
            now: the time.
            why: in the words of who noticed.
            error: what it ended with; None where it was given up.
            session: its name, for the log.
            opening: whether the session has not opened yet.
        """
        attempt = one.attempt(now, why, error)
        self.attempt_log.add(attempt)
        self.retries.note(attempt, now, time.time())
        if not self._proxy:
            self.absence.note(attempt, now)
        if opening:  # later ones come again and again
            self.attempts = [*self.attempts[1 - MAX_ATTEMPTS :], attempt]
        logger.info("session %s: %s failed: %s", session, one.transport, why)

    def no_transport(self, end: GiveUp) -> NoTransport:
        """Make the error of an opening that is given up."""
        return NoTransport(self.attempts, end.why, retry_after=end.retry_after)
