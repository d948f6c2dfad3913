"""Beside: what is measured, dropped and tried beside a proven carrier, and at which bounds."""

from __future__ import annotations

from byway.negotiation.beside import LAST_PROMOTION_INTERVAL, Beside, Field
from byway.negotiation.pace import CHECK_INTERVAL, MARGIN, QUIET, STALL, TRIPS, Pace, much_slower
from byway.negotiation.runner import Ask, Phase, Runner, Stop

INTERVAL = 30.0


def beside() -> Beside:
    """Return one whose jitter is always at its upper end."""
    return Beside(INTERVAL, lambda low, high: high)


def field(used: str, better: str = "", worse: str = "", **phases: Phase) -> Field:
    """Return a field in which all have failed but those that are named."""
    names = (*better.split(), used, *worse.split())
    runners = {name: Runner(Phase.FAILED) for name in names}
    runners[used].phase = Phase.PROVEN
    for name, phase in phases.items():
        runners[name].phase = phase
    return Field(used, tuple(better.split()), tuple(worse.split()), runners)


def took(one: Beside, name: str, *trips: float, now: float = 0.0) -> None:
    """Let round trips on a transport take so long."""
    for trip in trips:
        one.pace.asked(name, now - trip)
        one.pace.came(name, now)


def test_rivals_are_those_that_are_proven_best_first() -> None:
    at = field(
        "sse", "websocket stream", "poll", websocket=Phase.PROVEN, stream=Phase.OPEN,
        poll=Phase.PROVEN,
    )  # fmt: skip
    assert at.rivals == ["websocket", "poll"]


def test_what_is_dropped_is_stopped_where_it_runs_and_has_failed() -> None:
    at = field("websocket", worse="stream sse poll", stream=Phase.TRYING, sse=Phase.WAITING)
    assert at.drop(at.worse, "why") == [Stop("stream", "why")]
    assert at.failed(at.worse)
    at.runners["poll"].phase = Phase.OPEN
    assert at.drop(at.worse, "why", slow=True) == [Stop("poll", "why", late=True, slow=True)]


def test_nothing_is_left_to_hope_for_where_all_have_failed() -> None:
    at = field("stream", "websocket", "poll", poll=Phase.WAITING)
    assert at.failed(at.better)
    assert not at.failed(at.worse)
    assert at.failed(())


def test_what_is_better_and_as_quick_is_used_for_its_name() -> None:
    one, at = beside(), field("poll", "stream", stream=Phase.PROVEN)
    took(one, "poll", *[0.1] * TRIPS)
    took(one, "stream", *[0.1] * TRIPS)
    assert one.compare(at, 0.0) == ("stream", "it is the best that is proven to work", [])


def test_what_is_better_and_slower_is_given_up_and_shunned() -> None:
    one, at = beside(), field("poll", "stream", stream=Phase.PROVEN)
    took(one, "poll", *[0.1] * TRIPS)
    took(one, "stream", *[0.9] * TRIPS)
    why = "stream takes 0.90 s, poll 0.10 s"
    assert one.compare(at, 0.0) == (None, "", [Stop("stream", why, late=True, slow=True)])
    assert at.runners["stream"].phase is Phase.FAILED
    took(one, "stream", *[0.29] * TRIPS)
    assert one.pace.slower("stream", "poll", 0.0, back=True)  # it has to come closer than that now


def test_what_is_not_known_yet_changes_nothing() -> None:
    one, at = beside(), field("poll", "stream", stream=Phase.PROVEN)
    took(one, "poll", *[0.1] * TRIPS)
    took(one, "stream", 0.1)
    assert one.compare(at, 0.0) == (None, "", [])
    assert at.runners["stream"].phase is Phase.PROVEN


def test_what_is_worse_and_quicker_is_used_for_that() -> None:
    one, at = beside(), field("stream", worse="sse poll", poll=Phase.PROVEN)
    took(one, "stream", *[2.0] * TRIPS, now=50.0)
    took(one, "poll", *[0.1] * TRIPS, now=50.0)
    why = "it is quicker: poll takes 0.10 s, stream 2.00 s"
    assert one.compare(at, 50.0) == ("poll", why, [])
    assert at.runners["stream"].since == 50.0
    assert not one.pace.measured("stream")
    took(one, "stream", *[0.29] * TRIPS, now=50.0)
    assert one.pace.slower("stream", "poll", 50.0, back=True)  # it was found slower once


def test_what_is_worse_and_no_quicker_ends_the_search() -> None:
    one = beside()
    at = field("stream", worse="sse poll", poll=Phase.PROVEN, sse=Phase.TRYING)
    took(one, "stream", *[0.5] * TRIPS)
    took(one, "poll", *[0.4] * TRIPS)
    why = "poll takes 0.40 s, stream 0.50 s"
    assert one.compare(at, 0.0) == (None, "", [Stop("sse", why), Stop("poll", why)])
    assert at.failed(at.worse)


def test_both_kinds_of_rival_are_judged() -> None:
    one = beside()
    at = field("sse", "stream", "poll", stream=Phase.PROVEN, poll=Phase.PROVEN)
    took(one, "sse", *[0.5] * TRIPS)
    took(one, "stream", *[9.0] * TRIPS)
    took(one, "poll", *[0.5] * TRIPS)
    best, why, stops = one.compare(at, 0.0)
    assert (best, why) == (None, "")
    assert [stop.transport for stop in stops] == ["stream", "poll"]


def test_what_is_better_is_tried_after_longer_and_longer_intervals() -> None:
    one, at, now, waits = beside(), field("poll", "websocket stream"), 0.0, []
    for _ in range(7):
        assert one.next_try(at, now) is None
        (then,) = one.times
        assert one.next_try(at, then - 0.01) is None
        waits.append(then - now)
        now = then
        assert one.next_try(at, now) == ["websocket", "stream"]
        assert one.times == []
        assert at.runners["websocket"].phase is Phase.WAITING
        assert at.runners["stream"].phase is Phase.WAITING
        assert one.next_try(at, now + 1e6) is None  # while they are waited for
        at.drop(at.better, "")
    bound = LAST_PROMOTION_INTERVAL * 1.2
    assert waits == [36.0, 72.0, 144.0, 288.0, 576.0, bound, bound]
    one.settle()
    one.next_try(at, 0.0)
    assert one.times == [36.0]


def test_the_interval_has_jitter_of_a_fifth() -> None:
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    one = Beside(INTERVAL, jitter)
    one.next_try(field("poll", "stream"), 100.0)
    assert (asked, one.times) == ([(0.8, 1.2)], [124.0])


def test_while_one_of_the_better_may_still_come_there_is_no_interval() -> None:
    one, at = beside(), field("poll", "websocket stream")
    one.next_try(at, 0.0)
    assert one.times == [36.0]
    at.runners["stream"].phase = Phase.TRYING
    assert one.next_try(at, 40.0) is None
    assert one.times == []


def test_when_nothing_proven_is_in_use_tries_go_on_only_where_it_leaves() -> None:
    one, at = beside(), field("poll", "stream")
    one.next_try(at, 0.0)
    one.looking = True
    one.lost(leaving=True)
    assert (one.looking, one.times) == (False, [36.0])
    one.lost(leaving=False)
    assert one.times == []


def test_the_last_is_tried_first_where_the_one_in_use_is_slow() -> None:
    one, at = beside(), field("stream", "websocket", "sse poll")
    took(one, "stream", *[MARGIN] * TRIPS)
    seen = [(one.next_try(at, 0.0), one.looking)]
    took(one, "stream", *[MARGIN + 0.01] * TRIPS)
    seen.append((one.next_try(at, 1.0), one.looking))
    assert not one.pace.measured("stream")  # it is measured afresh beside them
    assert [at.runners[name].phase for name in at.worse] == [Phase.WAITING] * 2
    seen.append((one.next_try(at, 2.0), one.looking))
    at.drop(at.worse, "")
    seen.append((one.next_try(at, 3.0), one.looking))
    assert seen == [(None, False), (["poll", "sse"], True), (None, True), (None, False)]


def test_it_is_not_looked_for_something_quicker_again_before_an_interval() -> None:
    one, at = beside(), field("stream", worse="poll")
    took(one, "stream", *[0.5] * TRIPS)
    assert one.next_try(at, 0.0) == ["poll"]
    at.drop(at.worse, "")
    one.next_try(at, 1.0)
    took(one, "stream", *[0.5] * TRIPS)
    assert one.next_try(at, 35.9) is None
    assert one.next_try(at, 36.0) == ["poll"]


def test_where_nothing_is_worse_there_is_nothing_to_look_for() -> None:
    one, at = beside(), field("poll", "stream")
    took(one, "poll", *[9.0] * TRIPS)
    assert one.next_try(at, 0.0) is None
    assert not one.looking


def test_rivals_are_asked_in_order_of_preference_and_again_later() -> None:
    one = beside()
    at = field("sse", "stream", "poll", stream=Phase.PROVEN, poll=Phase.PROVEN)
    took(one, "sse", 0.01)
    assert one.ask(at, 0.0) == [Ask("stream"), Ask("sse"), Ask("poll")]
    assert one.ask(at, 0.1) == []
    assert one.times == [STALL]  # when the one in use is late
    for name in ("stream", "sse", "poll"):
        one.pace.came(name, 0.2)
    assert one.ask(at, 0.2) == [Ask("stream"), Ask("sse"), Ask("poll")]


def test_beside_a_worse_rival_the_one_in_use_is_asked_when_it_is_quiet() -> None:
    one, at = beside(), field("stream", worse="poll", poll=Phase.PROVEN)
    one.pace.busy(1.0, closing=True)
    assert one.ask(at, 1.0) == [Ask("poll")]
    assert one.times == [1.0 + QUIET]
    assert one.ask(at, 1.0 + QUIET) == [Ask("stream")]


def test_a_session_that_talked_is_checked_after_an_interval() -> None:
    one, at = beside(), field("stream")
    took(one, "stream", *[0.01] * TRIPS)
    one.pace.busy(1.0)
    assert one.ask(at, 2.0) == [Ask("stream")]
    one.pace.came("stream", 2.01)
    one.pace.busy(3.0)
    assert one.ask(at, 4.0) == []
    assert one.times == [2.0 + CHECK_INTERVAL]
    one.lost(leaving=True)
    assert one.times == []


def test_at_the_bound_itself_nothing_is_slower() -> None:
    assert not much_slower(0.75, 0.25)
    assert much_slower(0.751, 0.25)


def test_a_rival_that_is_a_little_slower_than_a_slow_one_is_not_much_slower() -> None:
    one = beside()
    took(one, "stream", *[0.5] * TRIPS)
    took(one, "poll", *[0.4] * TRIPS)
    assert one.pace.judge("stream", "poll", 0.0, better=True) is True


def test_what_is_awaited_counts_on_both_sides() -> None:
    one = beside()
    took(one, "stream", *[0.1] * TRIPS)
    took(one, "poll", *[0.1] * TRIPS)
    one.pace.asked("stream", 0.0)
    assert one.pace.judge("stream", "poll", 9.0, better=True) is False
    one.pace.asked("poll", 0.0)
    assert one.pace.judge("stream", "poll", 9.0, better=True) is True


def test_a_rival_that_was_measured_is_not_asked_again() -> None:
    one, at = beside(), field("poll", "stream", stream=Phase.PROVEN)
    took(one, "stream", *[0.1] * TRIPS)
    took(one, "poll", *[0.1] * TRIPS)
    one.pace.busy(1.0)
    assert one.ask(at, 1.0) == []


def test_a_round_trip_of_just_the_margin_is_no_reason_to_ask_for_more() -> None:
    pace = Pace()
    pace.asked("poll", 0.0)
    pace.came("poll", MARGIN)
    assert pace.due("poll", [], 1.0, eager=False, looking=False)[0] == ["poll"]  # the first check
    pace.gone("poll")
    assert pace.due("poll", [], 2.0, eager=False, looking=False) == ([], None)


def test_what_is_said_in_the_moment_of_a_check_is_checked_by_it() -> None:
    pace = Pace()
    assert pace.due("poll", [], 1.0, eager=False, looking=False)[0] == ["poll"]
    pace.busy(1.0)
    pace.came("poll", 1.01)
    assert pace.due("poll", [], 1.02, eager=False, looking=False) == ([], None)


def test_a_pong_that_nobody_asked_for_says_nothing() -> None:
    pace = Pace()
    pace.came("poll", 9.0)
    assert pace.of("poll", 9.0) == 0


def test_when_everything_begins_anew_something_quicker_is_looked_for_at_once() -> None:
    one, at = beside(), field("stream", worse="poll")
    took(one, "stream", *[0.5] * TRIPS)
    assert one.next_try(at, 0.0) == ["poll"]
    at.drop(at.worse, "")
    one.next_try(at, 0.1)
    one.begin_anew()
    took(one, "stream", *[0.5] * TRIPS)
    assert one.next_try(at, 0.5) == ["poll"]
