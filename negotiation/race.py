"""The race: which transports to try and when, and which of those that opened to use.

Knows: the preference, and what became of each attempt; the time, as an argument.
Must not know: asyncio, a clock, carriers, how an attempt is made.

Attempts start one after another, best first, without waiting for the one before to fail (as RFC
8305 does with addresses). The first that opens is used at once. A carrier that opened may still be
deaf, so the others go on until one has *proven* itself by a round trip; then a better one that is
proven later takes its place. So a session is always on the best transport that is known to work,
and never waits for one that is not.

A carrier in use that is *leaving* ends soon and on purpose. The next is tried while it still
carries, its own transport first, and takes its place only when it is proven.

One that is *suspect*, since the network has changed, is left beside the race in the same way, so
that a fresh one of its own transport can be tried too. What proves itself first is used.

Beside a proven carrier nothing is used because of its name alone: it is asked for a few round
trips, and so is the one in use. What is better by name and slower in fact is given up (see `pace`
and `beside`).

What worked the last time may be named: it starts first, and what is better waits until the next
promotion interval, unless it is due to be tried again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from byway.negotiation.runner import RUNNING, Action, Phase, Start, Stop, Use
from byway.negotiation.standing import Standing

FIRST_DELAY: Final = 0.25
"""Seconds to wait at most before all transports are tried a second time."""

LAST_DELAY: Final = 5.0
"""Seconds to wait at most before any later round."""

LASTING: Final = 10.0
"""Seconds that a proven carrier has to last to count as one that a network puts up with."""

MAX_STRIKES: Final = 2
"""Carriers in a row that did not last, after which a transport is not tried again at once."""

LEAVING_INTERVAL: Final = 0.2
"""Seconds, at least, between two responses that are followed because they end soon. A server that
says so of each at once would else be asked for the next as fast as the network allows."""


class Race(Standing):
    """The state of the race of one session.

    Tell it what happened (`opened`, `proven`, `ended`), then ask `decide` what to do.

    Its attributes are those of `Standing`.
    """

    # What happened

    def opened(self, name: str, now: float) -> None:
        """Say that a carrier has opened. It is asked for a round trip."""
        runner = self._runners[name]
        if runner.phase is Phase.TRYING:
            self._move(runner, Phase.OPEN, now)
            self.pace.asked(name, now)

    def proven(self, name: str, now: float) -> None:
        """Say that a round trip begun here came back on a carrier: the first, or a later one."""
        self.pace.came(name, now)
        runner = self._runners[name]
        if runner.phase is Phase.OPEN:
            self._move(runner, Phase.PROVEN, now)

    def ended(
        self, name: str, now: float, *, served: bool = False, blameless: bool = False
    ) -> None:
        """Say that an attempt has failed, or a carrier has ended.

        Args:
            name: its transport.
            now: the time.
            served: it carried something, so it is followed at once.
            blameless: the reason is known, and another carrier of the same transport will not
                end for it.
        """
        if name in self._stale:
            self._stale.remove(name)  # an end of the network before says nothing of this one
            return
        runner = self._runners[name]
        was, since = runner.phase, runner.since
        self._move(runner, Phase.FAILED, now)
        if name != self.used:
            if was is Phase.TRYING:
                self._next_start = min(self._next_start, now)  # no patience with what has failed
            return
        # The carrier in use is lost: a new round. It begins with what worked. What did not last,
        # though it carried something, has a second chance; what did so twice comes last.
        self.used = None
        self._beside.lost(leaving=False)
        self._first = None
        lasted = blameless or (was is Phase.PROVEN and now - since >= LASTING)
        if lasted:
            runner.strikes = 0
            self._beside.settle()
        else:
            runner.strikes += 1
        again = lasted or (served and runner.strikes < MAX_STRIKES)
        others = [one for one in self._order if one != name]
        self._queue = [name, *others] if again else [*others, name]
        self._wait_again()
        if self.exhausted:
            self._queue.sort(key=lambda one: self._runners[one].strikes)
            for other in self._runners.values():
                other.phase = Phase.WAITING
        if lasted or served:
            self._rounds = 0
            self._next_start = now
        else:
            self._next_start = now + self._pause()

    def _wait_again(self) -> None:
        """Let everything be tried that was not needed, or failed, while a carrier was in use."""
        for runner in self._runners.values():
            # What did not last twice waits for its interval, or until nothing else is left.
            if runner.phase is Phase.FAILED and runner.strikes < MAX_STRIKES:
                runner.phase = Phase.WAITING

    def leave(self, now: float) -> None:
        """Say that the carrier in use ends soon. It takes no part in the race any more."""
        assert self.used is not None
        self.leaving, self.used = self.used, None
        runner = self._runners[self.leaving]
        if runner.phase is Phase.PROVEN and now - runner.since >= LASTING:
            runner.strikes = 0
        self._first = None
        self._rounds = 0
        self._move(runner, Phase.WAITING, now)
        self._queue = [self.leaving, *(name for name in self._order if name != self.leaving)]
        self._next_start = max(now, self._follow_at)
        self._follow_at = self._next_start + LEAVING_INTERVAL

    def left(self, now: float) -> None:
        """Say that the carrier which was leaving, or suspect, has ended.

        Where nothing is proven yet that could follow it, the race is one for a lost carrier.
        """
        if self.leaving is None:
            return
        self.leaving, self.suspect = None, False
        # One that ended as soon as it said so is followed no sooner for that.
        self._next_start = min(self._next_start, max(now, self._follow_at - LEAVING_INTERVAL))
        self._wait_again()

    def doubt(self, now: float) -> None:
        """Say that the network has changed: what is known of any transport may not hold any more.

        The carrier in use is suspect until it has answered (`cleared`). Everything is tried again
        beside it, on connections of this network: what else was going on is given up.
        """
        if self.used is not None:
            self.leaving, self.used, self.suspect = self.used, None, True
            self._runners[self.leaving].phase = Phase.FAILED
        for name, runner in self._runners.items():
            if runner.phase in RUNNING:
                self._stale.append(name)
            runner.phase = Phase.FAILED
        self.reconsider(now)

    def reconsider(self, now: float) -> None:
        """Say that what failed may work by now: it is tried again, soon and in order."""
        self._first = None
        self._beside.lost(leaving=False)
        self._beside.begin_anew()
        self._rounds = 0
        for runner in self._runners.values():
            runner.strikes = 0
            if runner.phase is Phase.FAILED:
                runner.phase, runner.tried = Phase.WAITING, False
        self._queue = list(self._order)
        # The carrier in use, or the suspect one, may well answer at once.
        self._next_start = now + self._patience(self.used or self.leaving or self._order[0])

    def cleared(self, now: float) -> None:
        """Say that the suspect carrier has answered: it is used again, proven.

        An attempt of the same transport that began beside it has to be given up before.
        """
        if self.leaving is None or not self.suspect:
            return
        self.used, self.leaving, self.suspect = self.leaving, None, False
        runner = self._runners[self.used]
        runner.tried = True
        self.pace.gone(self.used)
        self._move(runner, Phase.PROVEN, now)

    def offered(self, names: Iterable[str]) -> None:
        """Say what the server offers: nothing else is worth a try, now or later.

        An offer in which the carrier in use is missing, or everything, is not believed.
        """
        names = set(names)
        used = self.used or self.leaving
        if names.isdisjoint(self._order) or (used is not None and used not in names):
            return
        self._withdrawn |= {name for name in self._order if name not in names}

    # What to do

    def decide(self, now: float) -> tuple[list[Action], float | None]:
        """Return what to do now, and when to ask again if nothing happens before."""
        actions: list[Action] = []
        self._withdraw(actions)
        actions += [Stop(name, "it began in the network before") for name in self._stale]
        self._stale = []
        self._stop_late(actions, now)
        self._choose(actions, now)
        if self.works:
            self._trust_memory(now)
            field = self._field
            if not self._beside.looking:
                actions += field.drop(field.worse, f"{self.used} is better and works")
            names = self._beside.next_try(field, now)
            if names is not None:
                self._queue, self._next_start = names, now
            actions += self._beside.ask(field, now)
        else:
            self._beside.lost(leaving=self.leaving is not None)
        self._start(actions, now)
        return actions, self._ask_again(now)

    def next_round(self, now: float, after: float = 0.0) -> None:
        """Try everything again, after so many seconds and a pause."""
        for runner in self._runners.values():
            runner.phase = Phase.WAITING
        self._queue = list(self._order)
        self._next_start = now + after + self._pause()

    def _pause(self) -> float:
        pause = self._jitter(0, min(FIRST_DELAY * 2**self._rounds, LAST_DELAY))
        self._rounds = min(self._rounds + 1, 16)
        return pause

    def _withdraw(self, actions: list[Action]) -> None:
        """Forget what the server does not offer."""
        if not self._withdrawn:
            return
        for name in self._withdrawn:
            if self._runners.pop(name).phase in RUNNING:
                actions.append(Stop(name, "the server does not offer it"))
        self._order = tuple(name for name in self._order if name in self._runners)
        self._queue = [name for name in self._queue if name in self._runners]
        self._withdrawn = set()

    def _stop_late(self, actions: list[Action], now: float) -> None:
        """Give up what takes too long to open, or to prove itself."""
        for name, runner in self._runners.items():
            late = now - runner.since >= self._longest
            if late and self._is_rival(name):
                slow = not self.pace.measured(name)
                why = "too few round trips" if slow else f"no round trip on {self.used}"
                why += f" within {now - runner.since:.1f} s"
                actions.append(Stop(name, why, late=slow, slow=slow))
                self.ended(name, now)
            elif late and runner.phase in (Phase.TRYING, Phase.OPEN):
                what = "no OPEN" if runner.phase is Phase.TRYING else "no round trip"
                why = f"{what} within {now - runner.since:.1f} s"
                actions.append(Stop(name, why, late=True))
                self.ended(name, now)

    def _choose(self, actions: list[Action], now: float) -> None:
        """Use the best that is proven; where none is, the first that opened."""
        if self.works:
            best, why, stops = self._beside.compare(self._field, now)
            actions += stops
        else:
            best, why = self._first_up()
        if best is None or best == self.used:
            return
        if self.suspect:
            why = f"it is the first that is proven since the network of {self.leaving} changed"
        elif self.leaving is not None:
            why = f"it is proven to work, and the {self.leaving} before it ends soon"
        self.used, self.leaving = best, None
        self.suspect: bool = False
        self._beside.looking = False
        self.pace.chosen(now)
        actions.append(Use(best, why))

    def _first_up(self) -> tuple[str | None, str]:
        """Return what to use where nothing proven is in use, and why."""
        best = next((n for n in self._order if self._runners[n].phase is Phase.PROVEN), None)
        if best is not None:
            return best, "it is the best that is proven to work"
        opened = [n for n in self._order if self._runners[n].phase is Phase.OPEN]
        if not opened or self.used is not None or self.leaving is not None:
            return None, ""
        return min(opened, key=lambda name: self._runners[name].since), "it opened first"

    def _trust_memory(self, now: float) -> None:
        """Once what worked the last time works again, leave what is better for later."""
        if self._first is None:
            return
        if self._first == self.used and not self._retry_first:
            for runner in self._better(self._first):
                if runner.phase is Phase.WAITING:
                    self._move(runner, Phase.FAILED, now)
        self._first = None

    def _start(self, actions: list[Action], now: float) -> None:
        """Start the next attempt, if its time has come."""
        waiting = self._waiting
        if waiting is not None and now >= self._next_start:
            self._move(self._runners[waiting], Phase.TRYING, now)
            self.pace.anew(waiting)
            self._runners[waiting].tried = True
            self._next_start = now + self._patience(waiting)
            actions.append(Start(waiting))

    def _ask_again(self, now: float) -> float | None:
        times = [
            runner.since + self._longest
            for name, runner in self._runners.items()
            if runner.phase in (Phase.TRYING, Phase.OPEN) or self._is_rival(name)
        ]
        if self._waiting is not None:
            times.append(self._next_start)
        if self.works:
            times += self._beside.times
        return max(min(times), now) if times else None
