"""Round trips: what is measured, which transport is slower, and what is used because of it."""

from __future__ import annotations

import pytest

from byway.negotiation import Preference, Race, Start, Stop, Use
from byway.negotiation.beside import LAST_PROMOTION_INTERVAL
from byway.negotiation.pace import (
    CHECK_INTERVAL,
    INFINITE,
    QUIET,
    STALL,
    STALL_TRIPS,
    TRIPS,
    Pace,
    quick_first,
)
from byway.negotiation.preference import PROMOTION_INTERVAL
from byway.negotiation.runner import Action, Ask
from byway.negotiation.standing import PROMOTION_TIMEOUT

QUICK, SLOW, NEVER = 0.03, 2.1, float("inf")


class Path:
    """A race over transports that have each their own round trips, on a clock of its own."""

    def __init__(self, order: str, trips: dict[str, float], **opens: float) -> None:
        """Start.

        Args:
            order: the preference.
            trips: seconds of a round trip on each transport.
            opens: seconds until each opens, where they are not 0.1.
        """
        self.race = Race(Preference.of(order), attempt_timeout=20, jitter=lambda low, high: high)
        self.trips = trips
        self.opens = opens
        self.now = 0.0
        self.moves: list[tuple[float, str]] = []
        self.starts: list[tuple[float, str]] = []
        self.asks: list[tuple[float, str]] = []
        self.stops: list[Stop] = []
        self._coming: list[tuple[float, str, str]] = []

    def run(self, until: float) -> None:
        """Let everything happen until a time."""
        while True:
            actions, again = self.race.decide(self.now)
            for action in actions:
                self._act(action)
            if actions:
                continue
            times = [one[0] for one in self._coming] + ([again] if again is not None else [])
            if not times or min(times) > until:
                self.now = until
                return
            self.now = max(self.now, min(times))
            due = sorted(one for one in self._coming if one[0] <= self.now)
            self._coming = [one for one in self._coming if one not in due]
            for _, what, name in due:
                if what == "open":
                    self.race.opened(name, self.now)
                    self._later(self.trips[name], "pong", name)
                else:
                    self.race.proven(name, self.now)

    def _act(self, action: Action) -> None:
        name = action.transport
        if isinstance(action, Start):
            self.starts.append((self.now, name))
            self._later(self.opens.get(name, 0.1), "open", name)
        elif isinstance(action, Use):
            self.moves.append((self.now, name))
        elif isinstance(action, Ask):
            self.asks.append((self.now, name))
            self._later(self.trips[name], "pong", name)
        elif isinstance(action, Stop):
            self.stops.append(action)
            self._coming = [one for one in self._coming if one[2] != name]

    def _later(self, seconds: float, what: str, name: str) -> None:
        if seconds != NEVER:
            self._coming.append((self.now + seconds, what, name))

    @property
    def used(self) -> list[str]:
        """What was used, in order."""
        return [name for _, name in self.moves]


def measured(pace: Pace, name: str, *trips: float) -> None:
    """Let round trips on a transport take so long."""
    for trip in trips:
        pace.asked(name, 0.0)
        pace.came(name, trip)


def test_what_it_takes_is_the_median_of_the_last_few() -> None:
    pace = Pace()
    assert pace.of("stream", 0.0) == 0
    measured(pace, "stream", 9.0, 9.0)
    assert not pace.measured("stream")
    measured(pace, "stream", 0.1, 7.0, 0.1)
    assert pace.measured("stream")
    assert pace.of("stream", 0.0) == 0.1


def test_a_round_trip_that_is_awaited_counts_with_what_it_has_taken() -> None:
    pace = Pace()
    measured(pace, "stream", *[0.1] * TRIPS)
    pace.asked("stream", 10.0)
    assert pace.of("stream", 10.05) == 0.1
    assert pace.of("stream", 13.0) == 3.0
    pace.anew("stream")
    assert pace.of("stream", 13.0) == 3.0
    pace.gone("stream")
    assert pace.of("stream", 13.0) == 0


@pytest.mark.parametrize(
    ("one", "other", "slower"),
    [
        (2.1, 0.03, True),
        (0.2, 0.1, False),  # not three times
        (0.16, 0.02, False),  # not by 150 ms
        (0.18, 0.02, True),
        (1.4, 0.5, False),
        (1.6, 0.5, True),
    ],
)
def test_slower_is_three_times_and_150_ms(one: float, other: float, slower: bool) -> None:
    pace = Pace()
    measured(pace, "stream", *[one] * TRIPS)
    measured(pace, "poll", *[other] * TRIPS)
    assert pace.slower("stream", "poll", 0.0) is slower
    assert not pace.slower("poll", "stream", 0.0)


@pytest.mark.parametrize(("one", "other"), [(0.5, 0.2), (0.17, 0.03)])
def test_what_was_slower_before_has_to_come_closer(one: float, other: float) -> None:
    pace = Pace()
    pace.shun("stream")
    measured(pace, "stream", *[one] * TRIPS)
    measured(pace, "poll", *[other] * TRIPS)
    assert pace.judge("stream", "poll", 0.0, better=True) is False
    # In use again, it has to be as slow as at first to be left.
    assert pace.judge("poll", "stream", 0.0, better=False) is False


def test_two_that_are_near_the_bound_do_not_take_turns() -> None:
    """Round trips of 0.17 and 0.19 s in turn, beside one of 0.03 s: the bound is 0.18 s."""
    path = Path("websocket, poll", {"websocket": 0.19, "poll": QUICK})
    while path.now < 3600:
        path.race.pace.busy(path.now)
        path.run(path.now + 4.5)
        path.trips["websocket"] = 0.36 - path.trips["websocket"]
    assert path.used == ["websocket", "poll"]


def test_nothing_is_judged_before_both_were_asked_three_times() -> None:
    pace = Pace()
    measured(pace, "poll", *[0.03] * TRIPS)
    measured(pace, "stream", 0.03, 0.03)
    assert pace.judge("stream", "poll", 0.0, better=True) is None
    measured(pace, "stream", 0.03)
    assert pace.judge("stream", "poll", 0.0, better=True) is True
    pace.anew("poll")
    assert pace.judge("stream", "poll", 0.0, better=True) is None


@pytest.mark.parametrize(
    ("trips", "order"),
    [
        ([("websocket", 0.1), ("stream", 0.05)], ["websocket", "stream"]),
        ([("stream", 2.0), ("sse", 2.0), ("poll", 0.05)], ["poll", "stream", "sse"]),
        ([("websocket", None), ("stream", 2.0)], ["websocket", "stream"]),
        ([("stream", INFINITE), ("poll", None)], ["poll", "stream"]),
        ([], []),
    ],
)
def test_what_is_much_slower_comes_last(
    trips: list[tuple[str, float | None]], order: list[str]
) -> None:
    assert quick_first(trips) == order


def test_it_is_not_promoted_to_what_is_slower_in_fact() -> None:
    path = Path("stream, poll", {"stream": SLOW, "poll": QUICK}, stream=1.9)
    path.run(60)
    assert path.used == ["poll"]
    assert [name for _, name in path.starts].count("stream") == 2


def test_it_is_promoted_to_what_is_as_quick_once_both_were_asked() -> None:
    path = Path("websocket, poll", {"websocket": QUICK, "poll": QUICK}, websocket=1.0)
    path.run(20)
    assert path.used == ["poll", "websocket"]
    assert path.moves[-1][0] == pytest.approx(1.0 + TRIPS * QUICK)


def test_it_leaves_what_opened_first_and_is_slow() -> None:
    path = Path("stream, poll", {"stream": SLOW, "poll": QUICK})
    path.run(PROMOTION_INTERVAL)
    assert path.used == ["stream", "poll"]


def test_it_leaves_what_does_not_answer_by_itself_within_five_seconds() -> None:
    """The first PONG came, as something followed it; the next does not."""
    path = Path("stream, sse, poll", {"stream": QUICK, "sse": QUICK, "poll": QUICK})
    path.run(0.15)
    assert path.used == ["stream"]
    path.trips |= {"stream": NEVER, "sse": NEVER}
    path.run(5)
    assert path.used == ["stream", "poll"]
    # And there it stays, while the others are tried again now and then.
    path.run(600)
    assert path.used == ["stream", "poll"]


def test_on_a_long_way_it_settles_and_looks_less_and_less_often() -> None:
    path = Path("websocket, stream, poll", dict.fromkeys(["websocket", "stream", "poll"], 0.6))
    path.run(3600)
    assert path.used == ["websocket"]
    looks = [at for at, name in path.starts if name == "poll"]
    assert [name for _, name in path.starts if name == "stream"] in ([], ["stream"])
    gaps = [two - one for one, two in zip(looks, looks[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[-1] <= LAST_PROMOTION_INTERVAL * 1.3
    assert len(looks) < 10


def test_another_network_is_looked_at_however_slow_the_one_before_was() -> None:
    path = Path("websocket, poll", {"websocket": 0.6, "poll": 0.6})
    path.run(20)
    path.race._beside._look_at = 1e6  # as after hours there
    path.race.doubt(path.now)
    path.trips = {"websocket": QUICK, "poll": QUICK}
    path.run(path.now + CHECK_INTERVAL)
    assert path.race.used == "websocket"
    path.trips["websocket"] = NEVER
    path.race.pace.busy(path.now)
    path.run(path.now + CHECK_INTERVAL)
    assert path.race.used == "poll"


def test_one_that_turns_out_slow_after_a_promotion_is_left_soon() -> None:
    path = Path("websocket, poll", {"websocket": QUICK, "poll": QUICK}, websocket=NEVER)
    path.run(20)
    assert path.race.used == "poll"
    path.race._beside._look_at = 1e6
    path.opens = {}
    path.run(LAST_PROMOTION_INTERVAL)
    assert path.race.used == "websocket"
    path.trips["websocket"] = NEVER
    path.race.pace.busy(path.now)
    path.run(path.now + CHECK_INTERVAL)
    assert path.race.used == "poll"


def test_a_session_at_rest_is_not_asked_again() -> None:
    path = Path("websocket", {"websocket": QUICK})
    path.run(3600)
    assert len(path.asks) == 1


def test_a_session_that_talks_is_asked_when_it_is_quiet_and_not_often() -> None:
    path = Path("websocket", {"websocket": QUICK})
    path.run(1)
    while path.now < 61:
        path.race.pace.busy(path.now)
        path.run(path.now + QUIET / 2)
    assert len(path.asks) == 1
    while path.now < 121:
        path.race.pace.busy(path.now)
        path.run(path.now + 2 * QUIET)
    gaps = [two - one for (one, _), (two, _) in zip(path.asks[1:], path.asks[2:], strict=False)]
    assert len(gaps) > 5
    assert min(gaps) >= CHECK_INTERVAL


def test_a_session_that_closes_is_asked_at_once() -> None:
    path = Path("stream", {"stream": QUICK})
    path.run(1)
    path.race.pace.busy(1.0)
    path.run(2.0)
    assert len(path.asks) == 1
    path.race.pace.busy(path.now, closing=True)
    path.run(path.now + QUIET)
    assert len(path.asks) == 2


def test_what_could_not_be_compared_is_not_called_slow() -> None:
    """A PONG of the one in use is late once, and then the application is never quiet."""
    path = Path("stream, poll", {"stream": QUICK, "poll": QUICK})
    path.run(CHECK_INTERVAL + 1)
    path.trips["stream"] = 1.1 * STALL
    path.race.pace.busy(path.now)
    path.run(path.now + QUIET + 1.05 * STALL)
    path.trips["stream"] = QUICK
    while path.now < CHECK_INTERVAL + PROMOTION_TIMEOUT + 4:
        path.race.pace.busy(path.now)
        path.run(path.now + QUIET / 2)
    assert path.starts[-1][1] == "poll"
    assert path.stops == [Stop("poll", "no round trip on stream within 5.0 s")]
    assert path.used == ["stream"]


def test_a_pong_that_is_a_little_late_is_waited_for() -> None:
    pace = Pace()
    measured(pace, "stream", *[0.4] * TRIPS)
    pace.asked("stream", 0.0)
    assert not pace.stalled("stream", STALL)
    assert pace.stalled("stream", STALL_TRIPS * 0.4)
    measured(pace, "poll", 0.01)
    assert pace.stalled("stream", STALL)


def test_a_carrier_that_stumbled_once_is_used_again() -> None:
    """A packet is lost, and a round trip takes a second: nobody moves for long."""
    path = Path("websocket, poll", {"websocket": QUICK, "poll": QUICK})
    path.run(1)
    path.trips["websocket"] = 1.5
    path.race.pace.busy(1.0)
    path.run(1.0 + CHECK_INTERVAL)
    path.trips["websocket"] = QUICK
    path.run(20)
    assert path.used in (["websocket"], ["websocket", "poll", "websocket"])


def test_what_is_measured_and_does_not_answer_is_given_up_in_time() -> None:
    path = Path("stream, poll", {"stream": QUICK, "poll": QUICK}, stream=1.0)
    path.run(1.0 + QUICK / 2)
    path.trips["stream"] = NEVER
    path.run(1.0 + QUICK + PROMOTION_TIMEOUT)
    assert path.used == ["poll"]
    assert path.race.settled
