"""The race after something was lost, doubted or withdrawn: what comes next, when, and why."""

from __future__ import annotations

import pytest

from byway.negotiation import Preference, Race, Start, Stop, Use
from byway.negotiation.pace import CHECK_INTERVAL, QUIET, STALL, TRIPS
from byway.negotiation.preference import PATIENCE, PROMOTION_INTERVAL
from byway.negotiation.race import FIRST_DELAY, LASTING, LEAVING_INTERVAL
from byway.negotiation.runner import Action, Ask
from byway.negotiation.standing import LEAVING_PATIENCE, PROMOTION_TIMEOUT
from tests.unit.negotiation.test_race import (
    TIMEOUT,
    leaving,
    measure,
    race,
    remembering,
    started,
    stopped,
    used,
    works,
)


def stalled(one: Race, now: float) -> float:
    """Let the carrier in use, which is proven, not answer; return when that is noticed."""
    one.pace.busy(now, closing=True)
    now += QUIET
    assert one.decide(now)[0] == [Ask(one.used or "")]
    return now + STALL


def quicker(one: Race, name: str, now: float) -> list[Action]:
    """Let one that was started beside a stalled one open and answer at once.

    Returns:
        What is done once it is known to be quicker.
    """
    one.opened(name, now)
    one.proven(name, now)
    while True:
        actions, _ = one.decide(now)
        if not any(isinstance(action, Ask) for action in actions):
            return actions
        for action in actions:
            if isinstance(action, Ask) and action.transport == name:
                one.proven(name, now)


def test_a_new_race_knows_nothing() -> None:
    one = race()
    assert (one.used, one.leaving, one.suspect) == (None, None, False)
    assert (one.works, one.settled, one.exhausted) == (False, False, False)


def test_what_worked_the_last_time_was_quick_and_is_trusted_unless_told_otherwise() -> None:
    one = Race(Preference(), attempt_timeout=TIMEOUT, first="stream")
    assert one.decide(0.0) == ([Start("stream")], PATIENCE)
    works(one, "stream", 0.1)
    assert started(one.decide(PATIENCE)[0]) == []


def test_a_pause_is_any_time_up_to_its_bound() -> None:
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    one = Race(Preference.of("poll"), attempt_timeout=TIMEOUT, jitter=jitter)
    one.decide(0.0)
    one.ended("poll", 0.0)
    one.next_round(0.0)
    assert asked == [(0, FIRST_DELAY)]


def test_a_round_that_somebody_asked_to_put_off_waits_so_long_and_a_pause() -> None:
    one = race("poll")
    one.decide(0.0)
    one.ended("poll", 0.0)
    one.next_round(0.0, after=3.0)
    assert one.decide(0.0) == ([], 3.0 + FIRST_DELAY)


def test_what_is_given_up_is_given_up_for_a_reason() -> None:
    one = race("websocket", "stream", "poll")
    one.decide(0.0)
    one.decide(PATIENCE)
    one.opened("websocket", 0.3)
    one.proven("websocket", 0.3)
    assert one.decide(0.3)[0][:2] == [
        Use("websocket", "it is the best that is proven to work"),
        Stop("stream", "websocket is better and works"),
    ]


def test_what_opened_first_is_used_for_that() -> None:
    one = race("websocket", "stream")
    one.decide(0.0)
    one.decide(PATIENCE)
    one.opened("stream", 0.3)
    one.opened("websocket", 0.4)
    assert one.decide(0.4)[0] == [Use("stream", "it opened first")]


def test_what_is_not_offered_is_given_up_for_that() -> None:
    one = race("websocket", "stream")
    one.decide(0.0)
    one.offered(["stream"])
    assert one.decide(0.1)[0] == [Stop("websocket", "the server does not offer it")]


def test_a_later_offer_does_not_take_an_earlier_one_back() -> None:
    one = race("websocket", "stream", "sse", "poll")
    one.decide(0.0)
    one.offered(["websocket", "stream"])
    one.offered(["websocket", "stream", "sse"])
    tried = []
    for number in range(1, 9):
        tried += started(one.decide(PATIENCE * number)[0])
    assert tried == ["stream"]


def test_an_attempt_of_the_network_before_is_given_up_for_that() -> None:
    one = race()
    one.decide(0.0)
    one.doubt(1.0)
    assert one.decide(1.0)[0] == [Stop("websocket", "it began in the network before")]


def test_what_takes_its_place_is_told_from_what_was_suspect_or_leaving() -> None:
    one = leaving("stream", "poll")
    one.decide(LASTING)
    one.opened("stream", LASTING)
    one.proven("stream", LASTING)
    why = "it is proven to work, and the stream before it ends soon"
    assert one.decide(LASTING)[0][:1] == [Use("stream", why)]
    one.doubt(20.0)
    one.decide(20.0 + PATIENCE)
    one.opened("stream", 21.0)
    one.proven("stream", 21.0)
    why = "it is the first that is proven since the network of stream changed"
    assert one.decide(21.0)[0][:1] == [Use("stream", why)]


def test_a_better_one_whose_round_trips_do_not_come_is_given_up_as_slow() -> None:
    one = race("stream", "poll")
    one.decide(0.0)
    one.decide(PATIENCE)
    works(one, "poll", PATIENCE)
    one.opened("stream", 1.0)
    one.proven("stream", 1.0)
    one.decide(1.0)
    actions, _ = one.decide(1.0 + PROMOTION_TIMEOUT)
    why = "too few round trips within 5.0 s"
    assert [one for one in actions if isinstance(one, Stop)] == [
        Stop("stream", why, late=True, slow=True)
    ]


def test_once_something_lasted_its_next_short_life_is_its_first() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.ended("websocket", 1.0, served=True)  # a first short life
    one.decide(1.0)
    works(one, "websocket", 1.0)
    one.ended("websocket", 1.0 + LASTING)
    assert started(one.decide(1.0 + LASTING)[0]) == ["websocket"]
    works(one, "websocket", 1.0 + LASTING)
    one.ended("websocket", 2.0 + LASTING, served=True)
    assert started(one.decide(2.0 + LASTING)[0]) == ["websocket"]


@pytest.mark.parametrize(("lived", "last"), [(LASTING, False), (LASTING - 0.1, True)])
def test_an_announced_end_clears_what_it_had_before_where_it_lasted(
    lived: float, last: bool
) -> None:
    one, now = race("websocket", "poll"), 20.0
    one.decide(now)
    works(one, "websocket", now)
    one.ended("websocket", now, served=True)  # a first short life
    one.decide(now)
    works(one, "websocket", now)
    one.leave(now + lived)
    one.decide(now + lived)
    works(one, "websocket", now + lived)
    one.left(now + lived)
    one.ended("websocket", now + lived + 1, served=True)
    assert started(one.decide(now + lived + 1)[0]) == (["poll"] if last else ["websocket"])


def test_one_that_only_opened_and_announces_its_end_has_not_lasted() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.ended("websocket", 1.0, served=True)  # a first short life
    one.decide(1.0)
    one.opened("websocket", 1.0)
    one.decide(1.0)
    one.leave(1.0 + LASTING)
    one.decide(1.0 + LASTING)
    works(one, "websocket", 1.0 + LASTING)
    one.ended("websocket", 2.0 + LASTING, served=True)
    assert started(one.decide(2.0 + LASTING)[0]) == ["poll"]


def test_what_carried_nothing_comes_last_in_the_next_round() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.ended("websocket", 1.0)
    assert one.decide(1.0) == ([], 1.0 + FIRST_DELAY)
    assert started(one.decide(1.0 + FIRST_DELAY)[0]) == ["poll"]


def test_where_nothing_lasts_each_has_two_chances_and_then_they_take_turns() -> None:
    one, now, tried = race("stream", "poll"), 0.0, []
    for _ in range(9):
        (name,) = started(one.decide(now)[0])
        tried.append(name)
        works(one, name, now)
        now += 1
        one.ended(name, now, served=True)
    assert tried == ["stream"] * 2 + ["poll"] * 2 + ["stream", "poll"] * 2 + ["stream"]


@pytest.mark.parametrize("how", ["lasted", "leaves", "in doubt"])
def test_after_something_worked_pauses_begin_anew(how: str) -> None:
    one, now = race("stream"), 0.0
    for _ in range(5):
        now = one.decide(now)[1] or now
        one.decide(now)
        if one.exhausted:
            one.next_round(now)
            now = one.decide(now)[1] or now
            one.decide(now)
        one.ended("stream", now)
        one.next_round(now)
    now = one.decide(now)[1] or now
    one.decide(now)
    works(one, "stream", now)
    now += LASTING
    if how == "lasted":
        one.ended("stream", now)
    elif how == "leaves":
        one.leave(now)
    else:
        one.doubt(now)
        now += PATIENCE
    assert started(one.decide(now)[0]) == ["stream"]
    one.ended("stream", now)
    one.next_round(now)
    assert one.decide(now)[1] == now + FIRST_DELAY


def test_one_that_leaves_soon_after_the_start_is_followed_at_once() -> None:
    one = race("stream")
    one.decide(0.0)
    works(one, "stream", 0.0)
    one.leave(0.5)
    assert started(one.decide(0.5)[0]) == ["stream"]


def test_what_left_early_is_followed_at_once_by_whatever_is_next() -> None:
    one = leaving("stream", "poll")
    one.decide(LASTING)
    now = LASTING + LEAVING_INTERVAL / 4
    one.left(now)
    assert started(one.decide(now)[0]) == ["poll"]


def test_who_leaves_is_not_cleared_by_an_answer() -> None:
    one = leaving("stream", "poll")
    one.cleared(LASTING)
    assert (one.used, one.leaving) == (None, "stream")


def test_once_the_suspect_one_has_answered_nothing_is_suspect() -> None:
    one = race("websocket")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.doubt(5.0)
    one.cleared(5.1)
    assert (one.used, one.leaving, one.suspect) == ("websocket", None, False)


def test_what_was_asked_of_an_attempt_beside_the_suspect_one_is_not_awaited_of_it() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.doubt(5.0)
    assert started(one.decide(5.0 + PATIENCE)[0]) == ["websocket"]
    one.opened("websocket", 5.3)  # which asks it for a round trip
    one.cleared(5.4)
    assert measure(one, 5.4)[0] == []
    assert one.decide(5.4 + 2 * STALL)[0] == []


def test_a_suspect_one_that_was_cleared_has_been_tried() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.doubt(5.0)
    one.cleared(5.1)
    measure(one, 5.1)
    now = stalled(one, 6.0)
    assert started(one.decide(now)[0]) == ["poll"]
    assert used(quicker(one, "poll", now)) == ["poll"]
    assert not one.settled
    assert stopped(one.decide(now + PROMOTION_TIMEOUT)[0]) == ["websocket"]
    assert one.settled


def test_what_was_not_tried_since_the_network_changed_may_be_better() -> None:
    one = race("websocket", "stream", "poll")
    one.decide(0.0)
    one.decide(PATIENCE)  # stream has begun, too
    works(one, "websocket", PATIENCE)
    one.reconsider(5.0)
    measure(one, 5.0)
    now = stalled(one, 6.0)
    assert started(one.decide(now)[0]) == ["poll"]
    assert used(quicker(one, "poll", now)) == ["poll"]
    assert stopped(one.decide(now + PROMOTION_TIMEOUT)[0]) == ["websocket"]
    assert not one.settled  # stream was tried in the network before


@pytest.mark.parametrize(("suspect", "patience"), [(True, 0.1), (False, 0.1)])
def test_the_one_in_use_has_its_own_patience_to_answer(suspect: bool, patience: float) -> None:
    one = remembering("sse")
    one.decide(0.0)
    works(one, "sse", 0.0)
    if suspect:
        one.doubt(5.0)
    else:
        one.reconsider(5.0)
    assert one.decide(5.0)[1] == pytest.approx(5.0 + patience)


def test_where_nothing_is_in_use_the_first_has_its_patience() -> None:
    one = Race(Preference.of("websocket; patience=1.5, poll"), attempt_timeout=TIMEOUT)
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.reconsider(5.0)
    assert one.decide(5.0) == ([], 6.5)


def test_in_another_network_short_lives_of_before_do_not_count() -> None:
    one = race("websocket", "poll")
    for now in (0.0, 1.0):
        one.decide(now)
        works(one, "websocket", now)
        one.ended("websocket", now + 1, served=True)
    one.reconsider(2.0)
    assert started(one.decide(2.0 + PATIENCE)[0]) == ["websocket"]
    works(one, "websocket", 3.0)
    one.ended("websocket", 4.0, served=True)
    assert started(one.decide(4.0)[0]) == ["websocket"]


def test_in_another_network_the_interval_of_what_is_better_begins_anew() -> None:
    one = race("websocket", "stream")
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    works(one, "stream", 0.0)
    assert measure(one, 0.0)[1] == pytest.approx(PROMOTION_INTERVAL * 1.2)
    one.doubt(5.0)
    one.decide(5.0)
    assert started(one.decide(5.0 + PATIENCE)[0]) == ["websocket"]
    one.ended("websocket", 5.3)
    one.cleared(5.4)
    assert measure(one, 5.4)[1] == pytest.approx(5.4 + PROMOTION_INTERVAL * 1.2)


def test_where_a_rival_follows_the_lost_one_the_interval_begins_anew() -> None:
    one, now = race("websocket", "stream", "poll"), 0.0
    for name in ("websocket", "websocket", "stream"):
        assert started(one.decide(now)[0]) == [name]
        works(one, name, now)
        one.ended(name, now, served=True)
    assert started(one.decide(now)[0]) == ["stream"]
    works(one, "stream", now)
    now = stalled(one, 1.0)
    assert started(one.decide(now)[0]) == ["poll"]
    one.opened("poll", now)
    one.proven("poll", now)
    one.ended("stream", now, served=True)  # twice now, as the WebSocket before
    actions, again = measure(one, now)
    assert used(actions) == ["poll"]
    assert again == pytest.approx(now + 2 * PROMOTION_INTERVAL * 1.2)


def test_beside_one_that_leaves_there_is_at_least_so_much_patience() -> None:
    one = leaving("stream", "poll")
    one.decide(LASTING)
    one.ended("stream", LASTING)
    one.next_round(LASTING)
    now = LASTING + FIRST_DELAY
    assert started(one.decide(now)[0]) == ["stream"]
    assert started(one.decide(now + LEAVING_PATIENCE - 0.01)[0]) == []
    assert started(one.decide(now + LEAVING_PATIENCE)[0]) == ["poll"]


def test_a_session_that_talks_all_the_time_is_checked_all_the_same() -> None:
    one = race("websocket")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.pace.busy(1.0)
    again = one.decide(1.0)[1]
    assert again is not None
    assert again <= 1.0 + CHECK_INTERVAL


def test_the_first_that_opened_is_used_wherever_it_stands() -> None:
    one = race("websocket", "stream", "poll")
    for at in range(3):
        one.decide(at * PATIENCE)
    one.opened("poll", 0.6)
    one.opened("stream", 0.7)
    one.opened("websocket", 0.8)
    assert one.decide(0.8)[0] == [Use("poll", "it opened first")]
    other = race("websocket", "stream", "poll")
    for at in range(3):
        other.decide(at * PATIENCE)
    for name, opened in (("stream", 0.6), ("poll", 0.7), ("websocket", 0.8)):
        other.opened(name, opened)
    assert other.decide(0.8)[0] == [Use("stream", "it opened first")]


def test_what_takes_too_long_is_told_by_how_long_it_took() -> None:
    one = race("poll")
    one.decide(100.0)
    assert one.decide(100.0 + TIMEOUT)[0] == [Stop("poll", "no OPEN within 20.0 s", late=True)]


def test_a_carrier_that_begins_is_measured_afresh() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    for _ in range(TRIPS):
        one.pace.asked("websocket", 0.0)
        one.pace.came("websocket", 0.4)
    one.ended("websocket", 1.0, served=True)
    assert one.pace.of("websocket", 1.0) == 0.4
    assert started(one.decide(1.0)[0]) == ["websocket"]
    assert one.pace.of("websocket", 1.0) == 0.0
