"""Responses fit a path that cuts what is too large for it."""

from __future__ import annotations

from byway.session.response_size import ARRIVALS, SMALL, ResponseSize


def test_a_lost_answer_halves_the_next() -> None:
    size = ResponseSize(65536)
    size.wrote(11, 70_000)
    size.received(0)
    assert size.size == 32_768
    size.wrote(6, 36_000)
    size.received(0)
    assert size.size == 16_384


def test_a_small_answer_was_not_lost_for_its_size() -> None:
    size = ResponseSize(65536)
    size.wrote(2, SMALL)
    size.received(0)
    assert size.size == 65536


def test_what_is_asked_for_twice_is_lost_once() -> None:
    size = ResponseSize(65536)
    size.wrote(2, 40_000)
    size.received(0)
    size.received(0)
    assert size.size == 20_000


def test_answers_that_arrive_make_it_grow_but_slowly() -> None:
    """Where the path cuts for ever, each larger one that is tried costs a carrier."""
    size = ResponseSize(65536)
    size.wrote(2, 40_000)
    size.received(0)
    for number in range(1, 3 * ARRIVALS + 1):
        size.wrote(number + 1, 100)
        size.received(number)
        assert size.size == min(20_000 * 2 ** (number // ARRIVALS), 65536)


def test_a_loss_begins_the_count_anew() -> None:
    size = ResponseSize(65536)
    size.wrote(2, 40_000)
    size.received(0)
    for number in range(1, ARRIVALS):
        size.wrote(number + 1, 100)
        size.received(number)
    size.wrote(ARRIVALS + 1, 100)
    size.received(0)
    size.wrote(ARRIVALS + 2, 100)
    size.received(ARRIVALS + 1)
    assert size.size == 20_000
