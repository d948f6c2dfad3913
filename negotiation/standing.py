"""Standing: where the race of one session stands.

Knows: the phase of each transport, the order of this round, which carrier is in use; for how long
an attempt is waited for.
Must not know: what happens to attempts and carriers, and what follows (`race`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import uniform
from typing import Final

from byway.negotiation.beside import Beside, Field
from byway.negotiation.pace import Pace
from byway.negotiation.preference import Preference
from byway.negotiation.runner import Phase, Runner

PROMOTION_TIMEOUT: Final = 5.0
"""Seconds that an attempt may take while another carrier is proven; then it has failed."""

MAX_KNOWN_PATIENCE: Final = 3.0
"""Most seconds of patience with a transport that is known to be slow to open."""

LEAVING_PATIENCE: Final = 3.0
"""Seconds of patience, at least, while the carrier before still carries: nobody waits. So it is
where something quicker is looked for."""

SLOWER: Final = 1.5
"""How many times as long as the last time a transport may take to open, before another starts."""


class Standing:
    """Where a race stands, and the questions about it that change nothing.

    Attributes:
        used: the transport whose carrier is selected, if any; None while that one is leaving.
        leaving: the transport whose carrier is selected, and ends soon or is suspect.
        suspect: whether that one may be dead, rather than ends soon.
        pace: the round trips of each transport.
    """

    def __init__(
        self,
        preference: Preference,
        *,
        attempt_timeout: float,
        first: str | None = None,
        opened_in: float = 0.0,
        retry_better: bool = False,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        """Start with nothing tried.

        Args:
            preference: what may be tried, best first.
            attempt_timeout: seconds after which an attempt that has not opened, or a carrier
                that is not proven, counts as failed.
            first: the transport that worked the last time, if that is known.
            opened_in: seconds that it took to open then.
            retry_better: what is better than `first` is tried as soon as that is proven, not
                only after a promotion interval.
            jitter: returns a number of seconds between two others.
        """
        self.used: str | None = None
        self.leaving: str | None = None
        self.suspect: bool = False
        self._order = preference.order
        self._attempt_timeout = attempt_timeout
        self._preference = preference
        self._jitter = jitter
        self._runners = {name: Runner() for name in self._order}
        self._queue = list(self._order)  # the order of this round
        self._first = first if first in self._order else None
        self._opened_in = opened_in
        self._retry_first = retry_better
        if self._first is not None:
            self._queue = [self._first, *(name for name in self._order if name != first)]
        self._next_start = 0.0  # no attempt starts before
        self._rounds = 0
        self._follow_at = 0.0  # what is leaving is not followed before
        self._withdrawn: set[str] = set()
        self._stale: list[str] = []  # attempts that began in the network before
        self._beside = Beside(preference.promotion_interval, jitter)
        self.pace: Pace = self._beside.pace

    @property
    def exhausted(self) -> bool:
        """Whether everything was tried in this round, and nothing is left of it."""
        return all(one.phase is Phase.FAILED for one in self._runners.values())

    @property
    def works(self) -> bool:
        """Whether the carrier in use is proven."""
        return self.used is not None and self._runners[self.used].phase is Phase.PROVEN

    @property
    def settled(self) -> bool:
        """Whether the carrier in use is proven, and all that is better was tried in vain."""
        return self.works and all(
            one.phase is Phase.FAILED and one.tried for one in self._better(self.used or "")
        )

    def _better(self, name: str) -> list[Runner]:
        return [self._runners[one] for one in self._order[: self._order.index(name)]]

    @property
    def _field(self) -> Field:
        assert self.used is not None
        at = self._order.index(self.used)
        return Field(self.used, self._order[:at], self._order[at + 1 :], self._runners)

    def _patience(self, name: str) -> float:
        patience = self._preference.patience_with(name)
        if self._beside.looking or (self.leaving is not None and not self.suspect):
            return max(patience, LEAVING_PATIENCE)
        if name == self._first:
            patience = max(patience, min(SLOWER * self._opened_in, MAX_KNOWN_PATIENCE))
        return patience

    @property
    def _longest(self) -> float:
        """Seconds that an attempt may take now, or that a rival may be measured."""
        return min(self._attempt_timeout, PROMOTION_TIMEOUT if self.works else float("inf"))

    def _is_rival(self, name: str) -> bool:
        """Say whether it is proven beside the proven one in use."""
        return self.works and name != self.used and self._runners[name].phase is Phase.PROVEN

    @staticmethod
    def _move(runner: Runner, phase: Phase, now: float) -> None:
        runner.phase, runner.since = phase, now

    @property
    def _waiting(self) -> str | None:
        return next((n for n in self._queue if self._runners[n].phase is Phase.WAITING), None)
