"""Answers fit a path that cuts what is too large for it."""

from __future__ import annotations

from byway.session.fit import ARRIVALS, SMALL, Fit


def test_a_lost_answer_halves_the_next() -> None:
    fit = Fit(65536)
    fit.wrote(11, 70_000)
    fit.received(0)
    assert fit.size == 32_768
    fit.wrote(6, 36_000)
    fit.received(0)
    assert fit.size == 16_384


def test_a_small_answer_was_not_lost_for_its_size() -> None:
    fit = Fit(65536)
    fit.wrote(2, SMALL)
    fit.received(0)
    assert fit.size == 65536


def test_what_is_asked_for_twice_is_lost_once() -> None:
    fit = Fit(65536)
    fit.wrote(2, 40_000)
    fit.received(0)
    fit.received(0)
    assert fit.size == 20_000


def test_answers_that_arrive_make_it_grow_but_slowly() -> None:
    """Where the path cuts for ever, each larger one that is tried costs a carrier."""
    fit = Fit(65536)
    fit.wrote(2, 40_000)
    fit.received(0)
    for number in range(1, 3 * ARRIVALS + 1):
        fit.wrote(number + 1, 100)
        fit.received(number)
        assert fit.size == min(20_000 * 2 ** (number // ARRIVALS), 65536)


def test_a_loss_begins_the_count_anew() -> None:
    fit = Fit(65536)
    fit.wrote(2, 40_000)
    fit.received(0)
    for number in range(1, ARRIVALS):
        fit.wrote(number + 1, 100)
        fit.received(number)
    fit.wrote(ARRIVALS + 1, 100)
    fit.received(0)
    fit.wrote(ARRIVALS + 2, 100)
    fit.received(ARRIVALS + 1)
    assert fit.size == 20_000
