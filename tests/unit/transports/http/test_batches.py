"""Batches: when one may leave, and what its response means."""

from __future__ import annotations

import pytest

from byway.errors import CarrierLost
from byway.limits import MAX_PART
from byway.transports.http.batches import (
    BUSY,
    FIRST_PAUSE,
    FIRST_RETRY,
    LONG,
    MAX_IN_FLIGHT,
    Abort,
    Batches,
    Dead,
    Rewind,
)

HEARTBEAT = 10.0
CUT = CarrierLost("cut", trouble="reset")
TOO_LARGE = CarrierLost("answered 413", answered=413)


def begun(size: int = 65_536, *, round_trip: float = 0.1, jitter: float = 1.0) -> Batches:
    """Return batches of a carrier that is open, a second before 100."""
    batches = Batches(size, lambda low, high: low + jitter * (high - low))
    batches.begin(99.0, round_trip, HEARTBEAT)
    return batches


def failed(batches: Batches, error: CarrierLost, now: float = 100.0) -> Rewind | Dead | Abort:
    """Let one batch leave and fail, with nothing acknowledged."""
    decision = batches.landed(batches.left(5, now), error, now, 1, 5)
    assert decision is not None
    return decision


def test_the_first_waits_a_moment_for_what_else_is_said() -> None:
    batches = begun()
    assert batches.may_start(99.0) == pytest.approx(FIRST_PAUSE)
    assert batches.may_start(99.0 + FIRST_PAUSE) == 0


def test_where_the_round_trip_is_short_one_is_on_its_way_at_a_time() -> None:
    batches = begun(round_trip=LONG / 2)
    one = batches.left(2, 100.0)
    assert batches.may_start(200.0) is None
    assert batches.landed(one, None, 100.0, 2, 2) is None
    assert batches.may_start(200.0) == 0


def test_where_it_is_long_several_leave_evenly_over_it() -> None:
    batches = begun(round_trip=0.8)
    batches.left(2, 100.0)
    assert batches.may_start(100.0) == 0, "a word that follows another waits for nothing"
    batches.left(3, 100.0)
    assert batches.may_start(100.0) == pytest.approx(0.8 / MAX_IN_FLIGHT)
    assert batches.may_start(100.1) == pytest.approx(0.0, abs=1e-9)
    for end in range(4, MAX_IN_FLIGHT + 2):
        batches.left(end, 100.0)
    assert batches.may_start(200.0) is None, "as many are on their way as may be"


def test_a_round_trip_of_that_length_is_long() -> None:
    batches = begun(round_trip=LONG)
    batches.left(2, 100.0)
    assert batches.may_start(100.0) == 0


def test_the_round_trip_is_a_mean_that_forgets() -> None:
    batches = begun(round_trip=0.4)
    batches.landed(batches.left(2, 100.0), None, 100.8, 2, 2)
    assert batches.round_trip == pytest.approx(0.5)


def test_much_to_say_is_what_brought_something_new_several_times() -> None:
    batches = begun()
    for end in (2, 2, 3, 3, 4):
        batches.landed(batches.left(end, 100.0), None, 100.1, end, end)
        assert not batches.is_busy
    batches.left(5, 100.0)
    assert batches.is_busy
    assert BUSY == 4
    batches.begin(100.0, 77.0, HEARTBEAT)
    assert batches.round_trip < 77, "behind an upload the round trip is known"


def test_all_that_is_not_acknowledged_goes_up_again_when_the_oldest_has_a_gap() -> None:
    batches = begun()
    one, two = batches.left(3, 100.0), batches.left(5, 100.0)
    assert batches.landed(one, None, 100.1, 2, 5) is None, "the others are waited for"
    assert batches.is_failing
    assert batches.may_start(200.0) is None
    assert batches.landed(two, None, 100.1, 2, 5) == Rewind()
    assert batches.may_start(100.1) == 0


def test_a_newer_one_that_overtakes_the_oldest_proves_no_gap() -> None:
    batches = begun()
    one, two = batches.left(3, 100.0), batches.left(5, 100.0)
    assert batches.landed(two, None, 100.1, 1, 5) is None
    assert not batches.is_failing
    assert batches.landed(one, None, 100.1, 5, 5) is None, "both are there now"


def test_what_stays_missing_when_all_are_back_goes_up_again() -> None:
    batches = begun()
    one, two = batches.left(3, 100.0), batches.left(5, 100.0)
    batches.landed(one, None, 100.1, 3, 5)
    assert batches.landed(two, None, 100.1, 3, 5) == Rewind()
    batches.left(5, 100.2)
    again = batches.flights[0]
    assert batches.landed(again, None, 100.3, 5, 7) == Rewind(), "the carrier had written more"


def test_going_on_from_the_same_frame_as_the_last_time_counts_as_a_failure() -> None:
    batches = begun()
    assert batches.landed(batches.left(3, 100.0), None, 100.1, 2, 3) == Rewind()
    assert batches.landed(batches.left(3, 100.1), None, 100.2, 2, 3) == Rewind(FIRST_RETRY)
    assert batches.round_trip == 0
    assert batches.may_start(100.2) == pytest.approx(FIRST_RETRY)


def test_pauses_have_jitter_and_double_up_to_a_heartbeat() -> None:
    batches, now, pauses = begun(jitter=0.5), 100.0, []
    for _ in range(9):
        decision = batches.landed(batches.left(5, now), CUT, now, 1, 5)
        assert isinstance(decision, Rewind)
        pauses.append(decision.pause)
        assert batches.may_start(now) == pytest.approx(decision.pause)
        batches._failing_since = now
    assert pauses[:3] == pytest.approx([0.05, 0.1, 0.2])
    assert pauses[-1] == pytest.approx(HEARTBEAT / 2)


def test_a_batch_is_not_repeated_before_the_server_wants_it_but_within_a_heartbeat() -> None:
    asked = CarrierLost("answered 503", answered=503, retry_after=3.0)
    assert failed(begun(), asked) == Rewind(3.0)
    later = CarrierLost("answered 503", answered=503, retry_after=3600.0)
    assert failed(begun(), later) == Rewind(HEARTBEAT)


def test_too_large_batches_are_halved_at_once_and_for_good_down_to_one_frame() -> None:
    batches, sizes = begun(65_536), []
    for _ in range(2):
        assert failed(batches, TOO_LARGE) == Rewind(narrowed=True)
        sizes.append(batches.size)
    assert sizes == [2 * MAX_PART, 1]


def test_one_frame_that_is_too_large_ends_the_session() -> None:
    batches = begun(1)
    decision = failed(batches, TOO_LARGE)
    assert isinstance(decision, Abort)
    assert decision.reason.startswith("the way up refuses a request of one frame: answered 413")


def test_one_that_dies_twice_is_halved() -> None:
    batches, sizes = begun(4 * MAX_PART), []
    for _ in range(4):
        assert failed(batches, CUT) != Rewind(narrowed=True)
        sizes.append(batches.size)
    assert sizes == [4 * MAX_PART, 2 * MAX_PART, 2 * MAX_PART, 1]


def test_progress_forgives_failures() -> None:
    batches = begun(4 * MAX_PART)
    failed(batches, CUT)
    assert batches.landed(batches.left(9, 101.0), None, 101.1, 2, 9) == Rewind()
    assert failed(batches, CUT, 300.0) == Rewind(FIRST_RETRY), "two heartbeats begin anew"
    assert batches.size == 4 * MAX_PART


def test_an_answer_that_acknowledges_nothing_new_forgives_nothing() -> None:
    batches = begun(4 * MAX_PART)
    failed(batches, CUT)
    assert batches.landed(batches.left(5, 101.0), None, 101.1, 1, 5) == Rewind(2 * FIRST_RETRY)
    assert batches.size == 2 * MAX_PART


def test_an_answer_to_a_batch_without_messages_forgives() -> None:
    batches = begun()
    batches.landed(batches.left(3, 99.5), None, 99.6, 3, 3)
    batches.landed(batches.left(3, 100.0), CUT, 100.1, 3, 3)
    assert batches.landed(batches.left(3, 101.0), None, 101.1, 3, 3) is None
    assert failed(batches, CUT, 102.0) == Rewind(FIRST_RETRY)


def test_after_a_failure_the_round_trip_begins_anew() -> None:
    batches = begun()
    failed(batches, CUT)
    batches.landed(batches.left(5, 101.0), None, 101.8, 5, 5)
    assert batches.round_trip == pytest.approx(0.8)


def test_an_odd_size_is_halved_to_whole_bytes() -> None:
    batches = begun(2 * MAX_PART + 3)
    failed(batches, TOO_LARGE)
    assert batches.size == MAX_PART + 1


def test_after_two_heartbeats_of_failures_the_carrier_is_dead() -> None:
    batches = begun()
    failed(batches, CUT, 100.0)
    assert isinstance(failed(batches, CUT, 119.9), Rewind)
    decision = failed(batches, CUT, 120.0)
    assert decision == Dead("the uplink is dead: cut", CUT)


def test_the_other_form_is_tried_at_once() -> None:
    blocked = CarrierLost("a page", answered=200)
    blocked.other_form = True
    batches = begun()
    assert failed(batches, blocked) == Rewind()
    assert batches.may_start(100.0) == 0
    assert failed(batches, blocked) == Rewind(FIRST_RETRY), "but once from one frame"


def test_the_first_failure_counts_and_the_others_are_no_news() -> None:
    batches = begun(4 * MAX_PART)
    flights = [batches.left(end, 100.0) for end in (3, 5, 7)]
    assert batches.landed(flights[1], TOO_LARGE, 100.1, 1, 7) is None
    assert batches.landed(flights[0], CUT, 100.1, 1, 7) is None
    assert batches.landed(flights[2], None, 100.1, 1, 7) == Rewind(narrowed=True)
    assert batches.size == 2 * MAX_PART
