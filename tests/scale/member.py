"""A process in Redis: its lease, its claims, and what it concludes of others.

Knows: the scripts, epochs, what has to be asserted again.
Must not know: calls, links, sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.scale.directory import Decided, Opening
from tests.scale.figures import (
    AGAIN,
    CHUNK,
    GONE_AFTER,
    LEASE,
    REFRESH,
    RENEW,
    SETTLE,
)
from tests.scale.flaws import Flaw
from tests.scale.redis import Record, Redis, State, Verdict

if TYPE_CHECKING:
    from tests.scale.process import Process


class Member:
    """The part of one process."""

    def __init__(self, process: Process, redis: Redis) -> None:
        """Know nothing yet."""
        self.process = process
        self.redis = redis
        self.world = process.world
        self.told: float = 1e9  # claims are not given before
        self._claims: dict[str, State] = {}
        self._counts: dict[str, int] = {}
        self._due: dict[str, None] = {}
        """Keys that are not known to stand in this epoch as they are here."""
        self._asserted: dict[str, float] = {}
        self._epoch: float | None = None
        self._beat = 0
        self._tries = 0
        self._fence = 1
        self._away = False
        self._refused: dict[str, tuple[int, int, float]] = {}

    @property
    def _name(self) -> str:
        return self.process.name

    def start(self) -> None:
        """Renew the lease from now on."""
        self._renew()

    def _learn(self, epoch: float) -> None:
        """Assert everything where the epoch is a new one."""
        if self._epoch is None or epoch > self._epoch:
            self._epoch = epoch
            self._due = dict.fromkeys(self._claims)

    def _renew(self) -> None:
        self._beat += 1
        now = self.world.now
        if not self.world.without(Flaw.NO_REFRESH):
            for key, when in self._asserted.items():
                if now - when > REFRESH and self._claims.get(key) == "live":
                    self._due[key] = None
        due = list(self._due)[:CHUNK]
        chunk: dict[str, tuple[State, int]] = {
            key: (self._claims[key], self._counts.get(key, 0)) for key in due
        }
        known, more, fence = self._epoch, len(self._due) > len(chunk), self._fence

        def done(answer: tuple[float, bool] | None) -> None:
            wait = AGAIN
            if answer is None:
                self._went()
            else:
                self._away = self._away and fence < self._fence
                self._learn(answer[0])
                wait = RENEW if answer[1] else AGAIN
            if answer is not None or self.world.without(Flaw.ASSERT_ONCE):
                for key, (state, _) in chunk.items():
                    if self._claims.get(key) == state:
                        self._due.pop(key, None)
                        self._asserted[key] = self.world.now
            if answer is not None and (self._due or known != self._epoch):
                wait = 0.0
            self.process.step(wait, self._renew)

        script = partial(self.redis.renew, self._name, self._beat, fence, known, chunk, more)
        self.redis.ask(self.process, script, done)

    def _went(self) -> None:
        """No response came: what was sent may be done late. Claims wait for a fence against it."""
        if not self.world.without(Flaw.NO_FENCE):
            self._away = True
            self._fence = self._tries + 1

    # Claims

    def claim(self, opening: Opening, decided: Callable[[Decided], object]) -> None:
        """Ask until it is known, nobody waits any more, or all have waited long enough."""

        def again() -> None:
            late = self.world.now >= opening.until or self.world.without(Flaw.NO_WAITING)
            if late or not opening.wanted:
                decided(Decided(""))
            else:
                self.process.step(0.3, ask)

        def done(count: int, verdict: Verdict | None) -> None:
            if verdict is None:
                self._went()
                if not self.world.without(Flaw.NO_RELEASE):
                    self._give_back(opening.key, count)
                again()
                return
            if not verdict.owner:
                again()
                return
            if verdict.owner == self._name and not self.world.without(Flaw.OLD_CLAIM):
                if self._epoch is not None and verdict.epoch < self._epoch:
                    ask()  # it stood in data that have been lost since
                    return
                self._learn(verdict.epoch)
            if verdict.owner == self._name and verdict.state == "live":
                self._counts[opening.key] = count
            decided(Decided(verdict.owner, verdict.state))

        def ask() -> None:
            if self._away:
                again()
                return
            self._tries += 1
            count = self._tries
            script = partial(self.redis.claim, opening.key, self._name, count)
            self.redis.ask(self.process, script, partial(done, count))

        ask()

    def opened(self, key: str) -> None:
        """Assert it from now on."""
        self._claims[key] = "live"
        self._asserted[key] = self.world.now

    def release(self, key: str) -> None:
        """Give it back, until that is answered."""
        self._give_back(key, self._counts[key])

    def _give_back(self, key: str, count: int) -> None:
        def done(answer: bool | None) -> None:
            if answer is None:
                self._went()
                self.process.step(0.5, partial(self._give_back, key, count))

        if self._away:  # behind the fence: else the claim may arrive after its release
            self.process.step(0.3, partial(self._give_back, key, count))
            return
        self.redis.ask(self.process, partial(self.redis.release, key, self._name, count), done)

    def ended(self, key: str, *, refused: bool) -> None:
        """Tell it until it stands."""
        if self.world.without(Flaw.NO_TOMB):
            self._claims.pop(key, None)
            self._due.pop(key, None)
            return
        named = refused and not self.world.without(Flaw.NO_REFUSAL)
        self._claims[key] = "refused" if named else "ended"
        self._due[key] = None
        self._tell(key)

    def _tell(self, key: str) -> None:
        def done(epoch: float | None) -> None:
            if epoch is None:
                self._went()
                if self.world.without(Flaw.END_ONCE):
                    self._claims.pop(key, None)
                    self._due.pop(key, None)
                else:
                    self.process.step(AGAIN, partial(self._tell, key))
            elif epoch == self._epoch:
                self._due.pop(key, None)

        state = self._claims[key]
        self.redis.ask(self.process, partial(self.redis.ended, key, self._name, state), done)

    def has_ended(self, key: str) -> bool:
        """Say whether an end is still being told."""
        return key in self._due and self._claims[key] != "live"

    # Others

    def heard(self, owner: str) -> None:
        """Forget what spoke for its death."""
        self._refused.pop(owner, None)

    def door(self, owner: str) -> bool:
        """Know an address."""
        return True

    def gone(self, owner: str, refused: bool, told: Callable[[bool, str], object]) -> None:
        """Conclude from the two records and the epoch's age."""
        without = self.world.without
        if without(Flaw.REFUSED) and refused:
            told(True, "refused once")
            return

        def looked(answer: tuple[Record | None, Record | None, float] | None) -> None:
            if answer is None:
                self._went()
                told(False, "the directory does not answer")
                return
            record, mine, age = answer
            sure_from = SETTLE if without(Flaw.YOUNG) else LEASE
            if record is None:
                careless = without(Flaw.ABSENT) or without(Flaw.SHORT_LEASE)
                sure = careless or mine is not None and age >= sure_from
                told(sure, "no record")
                return
            by_clock = without(Flaw.OWN_BEAT)
            if not refused or mine is None or age < SETTLE and not by_clock:
                told(False, "out of reach")
                return
            first = self._refused.get(owner)
            if first is None or first[0] != record.beat:
                self._refused[owner] = (record.beat, mine.beat, self.world.now)
                told(False, "refused")
            else:
                # Renewals with assertions follow each other at once, so the time counts too.
                late = self.world.now - first[2] > GONE_AFTER * RENEW
                beats = mine.beat - first[1] >= GONE_AFTER
                sure = late and (beats or by_clock) or beats and without(Flaw.FAST_BEATS)
                told(sure, "refused for long")

        self.redis.ask(self.process, partial(self.redis.look, owner, self._name), looked)
