"""Beside: what is tried and measured while a proven carrier is in use, and when.

Knows: round trips, how far each transport has come, what is preferred; the time, as an argument.
Must not know: how a round begins, what becomes of a carrier that is lost.

What is better by name is tried now and then. Where the carrier in use is slow, others are tried,
the last of the order first, which asks least of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from byway.negotiation.pace import Pace
from byway.negotiation.runner import RUNNING, Ask, Phase, Runner, Stop

LAST_PROMOTION_INTERVAL: Final = 600.0
"""Seconds between two tries of what is better than the one in use, at most."""


@dataclass(frozen=True, slots=True)
class Field:
    """The transports of a race, as seen from the one in use, which is proven.

    Attributes:
        used: the transport in use.
        better: those that are preferred to it, best first.
        worse: the others, best first.
        runners: how far each has come.
    """

    used: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    runners: Mapping[str, Runner]

    @property
    def rivals(self) -> list[str]:
        """Those that are proven as well, best first."""
        both = (*self.better, *self.worse)
        return [name for name in both if self.runners[name].phase is Phase.PROVEN]

    def drop(self, names: tuple[str, ...], why: str, *, slow: bool = False) -> list[Stop]:
        """Let some go, and return what has to be stopped for it."""
        running = [name for name in names if self.runners[name].phase in RUNNING]
        stops = [Stop(name, why, late=slow, slow=slow) for name in running]
        for name in names:
            self.runners[name].phase = Phase.FAILED
        return stops

    def failed(self, names: tuple[str, ...]) -> bool:
        """Say whether nothing is left to hope for from any of these."""
        return all(self.runners[name].phase is Phase.FAILED for name in names)


class Beside:
    """What goes on beside the proven carrier in use.

    Attributes:
        pace: the round trips.
        looking: something quicker than the one in use is looked for.
    """

    def __init__(self, interval: float, jitter: Callable[[float, float], float]) -> None:
        """Start with nothing measured.

        Args:
            interval: seconds until something is tried beside the one in use, at first.
            jitter: returns a number of seconds between two others.
        """
        self.pace: Pace = Pace()
        self.looking: bool = False
        self._first_interval = interval
        self._interval = interval
        self._jitter = jitter
        self._promote_at: float | None = None
        self._look_at = 0.0  # nothing quicker is looked for before
        self._measured_again: float | None = None

    def settle(self) -> None:
        """Let the intervals begin anew: a carrier has lasted."""
        self._interval = self._first_interval

    def begin_anew(self) -> None:
        """Let what was found out count no more: everything is tried again."""
        self.settle()
        self._look_at = 0.0

    def lost(self, *, leaving: bool) -> None:
        """Say that nothing proven is in use; where that is `leaving`, tries go on as they were."""
        self.looking, self._measured_again = False, None
        if not leaving:
            self._promote_at = None

    def compare(self, field: Field, now: float) -> tuple[str | None, str, list[Stop]]:
        """Return what to use in the place of the one in use, why, and what is no better."""
        stops: list[Stop] = []
        used = field.used
        for name in field.rivals:
            better = name in field.better
            take = self.pace.judge(name, used, now, better=better)
            if take and better:
                self._look_at = now  # what was found out beside the one before does not count
                return name, "it is the best that is proven to work", stops
            told = self.pace.told(name, used, now)
            if take:
                self.pace.shun(used)
                field.runners[used].since = now  # it has a while to show that it was chance
                return name, f"it is quicker: {told}", stops
            if take is False:
                if better:
                    self.pace.shun(name)
                # Where the last is no quicker it is the path that is slow, and none would be.
                stops += field.drop((name,) if better else field.worse, told, slow=better)
        return None, "", stops

    def next_try(self, field: Field, now: float) -> list[str] | None:
        """Return what is to be tried beside the one in use, in order; None for nothing new."""
        names: list[str] | None = None
        if self.looking:
            self.looking = not field.failed(field.worse)
        elif field.worse and now >= self._look_at and self.pace.doubtful(field.used, now):
            self.looking = True
            self._look_at = self._later(now)
            names = self._begin(field, field.worse[::-1])
        if not field.better or not field.failed(field.better):
            self._promote_at = None
        elif self._promote_at is None:
            self._promote_at = self._later(now)
        elif now >= self._promote_at:
            self._promote_at = None
            names = self._begin(field, field.better)
        return names

    def ask(self, field: Field, now: float) -> list[Ask]:
        """Return which carriers are asked for a round trip."""
        rivals = field.rivals
        eager = any(name in field.better for name in rivals)
        names, self._measured_again = self.pace.due(
            field.used, rivals, now, eager=eager, looking=self.looking
        )
        order = (*field.better, field.used, *field.worse)
        return [Ask(name) for name in order if name in names]

    @property
    def times(self) -> list[float]:
        """The times at which to look again."""
        return [at for at in (self._promote_at, self._measured_again) if at is not None]

    def _later(self, now: float) -> float:
        return now + self._interval * self._jitter(0.8, 1.2)

    def _begin(self, field: Field, names: tuple[str, ...]) -> list[str]:
        self._interval = min(self._interval * 2, LAST_PROMOTION_INTERVAL)
        self.pace.anew(field.used)
        for name in names:
            field.runners[name].phase = Phase.WAITING
        return list(names)
