"""A series of polls: which comes next, and what a lost one means."""

from __future__ import annotations

from byway.errors import CarrierLost
from byway.transports.http.polls import INTERVAL, SOON, After, Ask, Polls, Visit

CUT = CarrierLost("cut", trouble="reset")
BLOCKED = CarrierLost("a page", answered=200)
BLOCKED.other_form = True


def begun(polls: int = 1) -> Polls:
    """Return a series of which so many were answered."""
    series = Polls()
    for _ in range(polls):
        series.next(visiting=False)
        series.answered()
    return series


def test_polls_are_counted_and_all_but_the_first_are_held() -> None:
    series = begun(0)
    first, second = series.next(visiting=False), series.next(visiting=False)
    assert (first, first.is_held) == (Ask(1), False)
    assert (second, second.is_held) == (Ask(2), True)


def test_a_visit_is_a_first_poll_on_a_new_carrier_which_its_answer_proves() -> None:
    series = Polls()
    assert series.next(visiting=True) == Ask(1), "the carrier is new"
    assert not series.answered()
    assert series.next(visiting=True) == Ask(1, renews=True)
    assert series.answered()
    assert series.next(visiting=False) == Ask(2)
    assert not series.answered()


def test_one_response_may_be_lost_alone() -> None:
    series = begun(2)
    assert series.next(visiting=False) == Ask(3)
    assert series.failed(CUT, is_open=True) is After.AGAIN
    assert series.next(visiting=False) == Ask(4)
    assert series.failed(CUT, is_open=True) is After.LOST


def test_an_answer_forgives_the_one_that_was_lost() -> None:
    series = begun(2)
    for _ in range(3):
        series.next(visiting=False)
        assert series.failed(CUT, is_open=True) is After.AGAIN
        series.next(visiting=False)
        series.answered()
        series.next(visiting=False)
        assert series.failed(CUT, is_open=True) is After.AGAIN
        series.next(visiting=False)
        assert series.given_up() is After.AGAIN


def test_the_first_has_to_be_answered_and_no_other_failure_is_forgiven() -> None:
    series = begun(0)
    series.next(visiting=False)
    assert series.failed(CUT, is_open=False) is After.LOST
    series = begun(2)
    series.next(visiting=False)
    silent = CarrierLost("silent", trouble="timeout")
    assert series.failed(silent, is_open=True) is After.LOST


def test_the_frames_that_went_up_with_a_visit_go_up_again() -> None:
    series = begun()
    series.next(visiting=True)
    series.speaks()
    assert series.failed(CUT, is_open=True) is After.REWIND
    assert series.next(visiting=False) == Ask(2)


def test_frames_that_went_up_with_a_held_poll_go_up_again_and_the_next_has_none() -> None:
    for lost in (CUT, CarrierLost("too large", answered=413), CarrierLost("?", answered=503)):
        series = begun(3)
        series.next(visiting=False)
        series.speaks()
        assert series.failed(lost, is_open=True) is After.REWIND
        assert not series.may_speak, "they may be what lost it"
        series.next(visiting=False)
        assert series.failed(lost, is_open=True) is After.LOST
    series = begun(3)
    series.next(visiting=False)
    series.speaks()
    series.answered()
    assert series.may_speak
    series.next(visiting=False)
    assert series.failed(CUT, is_open=True) is After.AGAIN, "the frames came with the one before"


def test_a_poll_without_frames_that_is_refused_is_a_failure() -> None:
    series = begun(2)
    series.next(visiting=False)
    assert series.failed(CarrierLost("too large", answered=413), is_open=True) is After.LOST


def test_what_went_up_with_a_poll_that_is_given_up_goes_up_again() -> None:
    series = begun(2)
    series.next(visiting=False)
    series.speaks()
    assert series.given_up() is After.REWIND
    assert series.may_speak


def test_frames_do_not_go_up_in_the_poll_that_is_asked_for_in_the_other_form() -> None:
    series = begun(2)
    series.next(visiting=False)
    series.speaks()
    assert series.failed(BLOCKED, is_open=True) is After.REWIND
    assert not series.may_speak
    assert series.next(visiting=False) == Ask(3)
    series.answered()
    assert series.may_speak


def test_in_the_other_form_the_same_poll_is_made_again_once() -> None:
    series = begun(0)
    assert series.next(visiting=False) == Ask(1)
    series.speaks()
    assert series.failed(BLOCKED, is_open=False) is After.REWIND
    assert series.next(visiting=True) == Ask(1), "it is no other visit"
    assert series.failed(BLOCKED, is_open=False) is After.LOST
    series = begun(4)
    assert series.next(visiting=False) == Ask(5)
    assert series.failed(BLOCKED, is_open=True) is After.AGAIN
    assert series.next(visiting=False) == Ask(5)
    series.answered()
    assert series.next(visiting=False) == Ask(6)
    assert series.failed(BLOCKED, is_open=True) is After.AGAIN, "an answer has come in between"


def test_the_next_visit_comes_soon_after_something_was_said_on_either_side() -> None:
    visit = Visit(100.0, 3, 5)
    assert visit.next_at(3, 5) == 100.0 + INTERVAL
    assert visit.next_at(4, 5) == 100.0 + SOON
    assert visit.next_at(3, 6) == 100.0 + SOON
