"""Pace: how long round trips take on each transport, and which of two is the slower.

Knows: when a PING was sent on a carrier and when its PONG came; when the application was busy.
Must not know: carriers, the preference, what becomes of an attempt.

A transport can be better by name and far slower in fact: some gateways pass a response on every
few seconds, some scanners pass each piece on when the next one comes. So a carrier is asked a few
times, one PING at a time, when nothing else is said. A PONG that is awaited counts with the time
that it has been awaited: where nothing follows it, it may never come by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_high
from typing import Final

TRIPS: Final = 3
"""Round trips after which a transport counts as measured: their median, of the newest, is what one
takes."""

RATIO: Final = 3.0
"""How many times as long as those of another its round trips take if a transport is slower."""

MARGIN: Final = 0.15
"""Seconds that they take longer as well."""

BACK: Final = 2 / 3
"""The share of both bounds that holds for one that was found slower before: it has to come closer
to be used again, so that two do not take turns."""

QUIET: Final = 0.1
"""Seconds without a word of the application before the carrier in use is asked."""

CHECK_INTERVAL: Final = 5.0
"""Seconds between two checks of a carrier in use, at least. A session at rest is not checked."""

STALL: Final = 0.5
"""Seconds, at least, for which a PONG is late before anybody doubts that it comes by itself."""

STALL_TRIPS: Final = 4.0
"""The same in round trips: the shortest that was ever seen."""


INFINITE: Final = float("inf")
"""Seconds of a round trip that is known to take too long, and no more of it."""


def much_slower(one: float, other: float, share: float = 1.0) -> bool:
    """Say whether round trips of so many seconds take much longer than others."""
    return one > max(RATIO * other, MARGIN + other) * share


def quick_first(trips: Sequence[tuple[str, float | None]]) -> list[str]:
    """Return transports in their order, but what is much slower than another behind the rest.

    Args:
        trips: names, best first, and the seconds that a round trip takes on each; None for unknown.
    """
    known = [trip for _, trip in trips if trip is not None and trip < INFINITE]
    least = min(known, default=0.0)
    return [name for name, _ in sorted(trips, key=lambda one: much_slower(one[1] or 0.0, least))]


class Pace:
    """The round trips of one session's transports.

    Those that are compared are of the last minute: a rival's begin with its carrier, and those of
    the one in use are taken anew when something is tried beside it.
    """

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._trips: dict[str, list[float]] = {}
        self._asked: dict[str, float] = {}
        self._slow: set[str] = set()
        self._least = float("inf")  # the shortest round trip of all
        self._quiet_since = 0.0
        self._checked = float("-inf")

    # What happened

    def asked(self, name: str, now: float) -> None:
        """Say that a PING was sent on the carrier of a transport."""
        self._asked[name] = now

    def came(self, name: str, now: float) -> None:
        """Say that its PONG has come."""
        asked = self._asked.pop(name, None)
        if asked is not None:
            self._trips[name] = [*self._trips.get(name, ()), now - asked][-TRIPS:]
            self._least = min(self._least, now - asked)

    def gone(self, name: str) -> None:
        """Say that nothing is awaited on a transport any more."""
        self._asked.pop(name, None)

    def anew(self, name: str) -> None:
        """Measure a transport afresh, though what is awaited goes on to be."""
        self._trips.pop(name, None)

    def chosen(self, now: float) -> None:
        """Say that another transport is in use now: it is checked as soon as it is quiet."""
        self.busy(now, closing=True)

    def busy(self, now: float, *, closing: bool = False) -> None:
        """Say that the application says something, or waits for what follows.

        Args:
            now: the time.
            closing: the session is closing: the next check does not wait for its interval.
        """
        self._quiet_since = now
        if closing:
            self._checked = float("-inf")

    def shun(self, name: str) -> None:
        """Take note that a transport was slower than another."""
        self._slow.add(name)
        self.anew(name)

    # What it comes to

    def measured(self, name: str) -> bool:
        """Say whether there were enough round trips."""
        return len(self._trips.get(name, ())) >= TRIPS

    def of(self, name: str, now: float) -> float:
        """Return the seconds that a round trip takes, or is awaited; 0 where nothing is known."""
        trips = self._trips.get(name)
        return max(median_high(trips) if trips else 0.0, self._waited(name, now))

    def stalled(self, name: str, now: float) -> bool:
        """Say whether a PONG is so late that it may not come by itself."""
        return now >= self._asked.get(name, float("inf")) + self._late

    def slower(self, name: str, other: str, now: float, *, back: bool = False) -> bool:
        """Say whether round trips on a transport take much longer than on another.

        Args:
            name: that transport.
            other: the other.
            now: the time.
            back: whether it is to be used, rather than left.
        """
        share = BACK if back and name in self._slow else 1.0
        return much_slower(self.of(name, now), self.of(other, now), share)

    def known(self, name: str, now: float) -> bool:
        """Say whether a transport in use can be compared: it is measured, or its PONG is late."""
        return self.measured(name) or self.stalled(name, now)

    def doubtful(self, name: str, now: float) -> bool:
        """Say whether another transport may well be quicker than this one, which is in use."""
        return self.known(name, now) and self.of(name, now) > MARGIN

    def judge(self, rival: str, used: str, now: float, *, better: bool) -> bool | None:
        """Say whether a rival of the one in use is to take its place; None for not known yet.

        Args:
            rival: a transport that is proven.
            used: the transport in use, which is proven too.
            now: the time.
            better: whether the rival is preferred to it.
        """
        if not (self.measured(rival) and self.known(used, now)):
            return None
        if better:
            return not self.slower(rival, used, now, back=True)
        return self.slower(used, rival, now)

    def told(self, one: str, other: str, now: float) -> str:
        """Say what round trips on two transports take, for the log."""
        return f"{one} takes {self.of(one, now):.2f} s, {other} {self.of(other, now):.2f} s"

    def due(
        self, used: str, rivals: Sequence[str], now: float, *, eager: bool, looking: bool
    ) -> tuple[list[str], float | None]:
        """Return which carriers are asked now, and when to call this again.

        Args:
            used: the transport in use.
            rivals: the others that are proven.
            now: the time.
            eager: one of those is preferred to the one in use, which is asked at once then.
            looking: something quicker than the one in use is looked for.
        """
        names = [one for one in rivals if one not in self._asked and not self.measured(one)]
        at = float("inf")
        if used in self._asked:
            at = self._asked[used] + self._late
        else:
            lacks, quiet = not self.measured(used), self._quiet_since + QUIET
            if lacks and eager:
                at = now
            elif lacks and (looking or self.of(used, now) > MARGIN):
                at = quiet
            if self._quiet_since > self._checked:
                at = min(at, max(quiet, self._checked + CHECK_INTERVAL))
            if at <= now:
                names.append(used)
                self._checked = now
        for name in names:
            self.asked(name, now)
        return names, at if now < at < float("inf") else None

    @property
    def _late(self) -> float:
        return max(STALL, STALL_TRIPS * self._least)

    def _waited(self, name: str, now: float) -> float:
        asked = self._asked.get(name)
        return 0.0 if asked is None else now - asked
