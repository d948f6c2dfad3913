"""Sequence: which transport to try next, when they are tried one after another.

Knows: the preference, and what became of the attempts so far.
Must not know: asyncio, a clock, how an attempt is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Final

from byway.negotiation.preference import Preference

FIRST_DELAY: Final = 0.25
"""Seconds to wait at most before all transports are tried a second time."""

LAST_DELAY: Final = 5.0
"""Seconds to wait at most before any later round."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to try next.

    Attributes:
        transport: its name.
        delay: seconds to wait before.
    """

    transport: str
    delay: float


class Sequence:
    """Goes through the preference in order, and stays with what opened.

    A transport that opened is the first to be tried when its carrier is lost. Where it fails,
    the others follow, from the best on. Before each new round there is a pause of full jitter
    that grows with the rounds, so that many clients do not come back at the same moment, and a
    carrier that opens and ends in a loop makes no storm. A carrier that was of use is followed
    at once.
    """

    def __init__(
        self, preference: Preference, *, jitter: Callable[[float, float], float] = uniform
    ) -> None:
        """Start at the best.

        Args:
            preference: what may be tried.
            jitter: returns a number of seconds between two others.
        """
        self._preference = preference
        self._jitter = jitter
        self._round = list(preference.order)
        self._rounds = 0
        self._pause = False
        self._current: str | None = None

    def next(self) -> Step:
        """Return what to try next."""
        delay = 0.0
        if not self._round:
            self._round = list(self._preference.order)
            self._pause = True
        if self._pause:
            self._pause = False
            delay = self._jitter(0, min(FIRST_DELAY * 2**self._rounds, LAST_DELAY))
            self._rounds = min(self._rounds + 1, 16)
        self._current = self._round.pop(0)
        return Step(self._current, delay)

    def worked(self) -> None:
        """Say that what `next` returned last has opened; it is the next to be tried too."""
        current = self._current
        assert current is not None, "worked() comes after next()"
        self._round = [current, *(name for name in self._preference.order if name != current)]
        self._pause = True

    def served(self) -> None:
        """Say that what opened last was of use before it ended; no pause is needed."""
        self._rounds = 0
        self._pause = False
