"""What runs of a client's transports: an attempt, or the carrier that came of it.

Knows: when it began, how far it came, and what a failure of it is written down as.
Must not know: what is done about it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from byway.errors import Attempt, CarrierLost, Refused
from byway.runtime import LiveCarrier
from byway.transports.connection_errors import telling
from byway.transports.reach import Stage


@dataclass(slots=True, eq=False)
class Running:
    """An attempt, or the carrier that came of it.

    Attributes:
        transport: its transport.
        carrier: what the session knows of it.
        task: carries it.
        started: when it began.
        progress: of the session when it began.
        opened_in: seconds that it took to open.
        suspect: the network has changed since, so it may be dead.
        stage: how far it has come on the way to a connection.
    """

    transport: str
    carrier: LiveCarrier
    task: asyncio.Task[None]
    started: float
    progress: int
    opened_in: float = 0.0
    suspect: bool = False
    stage: Stage = field(default_factory=Stage)

    @property
    def opened(self) -> bool:
        """Whether OPEN has come on it."""
        return self.carrier.opened.is_set()

    def attempt(self, now: float, why: str, error: Refused | CarrierLost | None) -> Attempt:
        """Return what is written down of it where it is in vain.

        Args:
            now: the time.
            why: in the words of who noticed.
            error: what it ended with; None where it was given up for taking too long.
        """
        if error is None and not self.opened:
            why = self.stage.explain(why)
        attempt = Attempt(self.transport, now - self.started, why, opened=self.opened)
        if isinstance(error, Refused):
            seen = telling(error.headers)
            return replace(attempt, status=error.status, headers=seen, mark="refused")
        if error is None:
            return replace(attempt, trouble="timeout" if self.opened else self.stage.trouble)
        return replace(
            attempt,
            status=error.answered,
            headers=error.headers,
            mark=error.mark,
            trouble=error.trouble,
            gone=error.gone,
        )
