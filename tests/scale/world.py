"""The clock, the chance and the record of one random run.

Knows: what is due next, and who is there.
Must not know: what anybody does.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.scale.flaws import Flaw, Setting

if TYPE_CHECKING:
    from tests.scale.client import Client
    from tests.scale.life import Living
    from tests.scale.request import Request


class Violation(AssertionError):
    """The model did what the design promises never to do. The text begins with the promise."""


class World:
    """All that happens, one thing after the other.

    Attributes:
        setting: what the run follows from.
        now: seconds since its beginning.
        quiet: there are no more faults.
        processes: by name, also the dead.
        clients: in the order in which they came.
        runs: the processes that ran the handler of a key, each with the time.
        lost_at: when the directory lost data last; -1 where it never did.
        troubles: when the directory was away, slow or lost data: beginning and end.
        accidents: what went wrong, from when to when.
        request: makes a request of a client.
        broken: a promise that was broken where nobody could be told.
        statistics: how often something happened, for people.
    """

    def __init__(self, setting: Setting, *, verbose: bool = False) -> None:
        """Begin at 0."""
        self.setting = setting
        self.rng = random.Random(setting.seed)
        self.now: float = 0.0
        self.quiet: bool = False
        self.quiet_since: float = 1e9
        self.processes: dict[str, Living] = {}
        self.clients: list[Client] = []
        self.runs: dict[str, list[tuple[Living, float]]] = {}
        self.lost_at: float = -1.0
        self.troubles: list[tuple[float, float]] = []
        self.accidents: list[tuple[float, float, str]] = []
        self.request: type[Request]
        self.broken: Violation | None = None
        self.statistics: Counter[str] = Counter()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._verbose = verbose

    def without(self, flaw: Flaw) -> bool:
        """Say whether this rule is taken away."""
        return self.setting.flaw is flaw

    def log(self, *what: object) -> None:
        """Tell a person what happens."""
        if self._verbose:
            print(f"{self.now:8.3f}", *what)  # noqa: T201 - asked for by `-v`

    def at(self, delay: float, do: Callable[[], object]) -> None:
        """Do something after a delay in seconds."""
        self._count += 1
        heapq.heappush(self._due, (self.now + delay, self._count, do))

    def run(self, until: float) -> None:
        """Let everything happen that is due by then."""
        while self._due and self._due[0][0] <= until:
            self.now, _, do = heapq.heappop(self._due)
            do()
            if self.broken is not None:
                raise self.broken
        self.now = until

    def chance(self, of_one: float) -> bool:
        """Decide about a fault: never while it is quiet."""
        return not self.quiet and self.rng.random() < of_one

    def delay(self) -> float:
        """Return how long a message takes: most are fast."""
        drawn = self.rng.random()
        return drawn * 0.01 if drawn < 0.9 or self.quiet else self.rng.random() * 0.6

    def calm(self, since: float, until: float) -> bool:
        """Say whether the directory served all the time between."""
        return all(end < since or begin > until for begin, end in self.troubles)

    def spared(self, since: float, until: float, kinds: tuple[str, ...] = ()) -> bool:
        """Say whether nothing, or nothing of these kinds, was wrong in between."""
        return not any(
            begin < until and end > since and (not kinds or kind in kinds)
            for begin, end, kind in self.accidents
        )

    @property
    def peaceful(self) -> bool:
        """Say whether nothing has been wrong for a while."""
        hanging = any(one.frozen or one.vanished for one in self.processes.values())
        return not hanging and self.spared(self.now - 32.0, self.now)
