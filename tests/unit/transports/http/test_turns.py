"""Turns: for how long a batch may wait, and for how long a client visits then."""

from __future__ import annotations

from byway.transports.http.turns import (
    FIRST_INTERVAL,
    LAST_INTERVAL,
    LEAST_WAIT,
    MOST_WAIT,
    SHOWN,
    SLOWEST,
    TRIPS,
    Beside,
    Turns,
)


def test_a_batch_may_wait_longer_where_the_path_is_slow_or_the_batch_is_large() -> None:
    assert Turns.wait(0.0, 0) == LEAST_WAIT
    assert Turns.wait(0.6, 0) == TRIPS * 0.6
    assert Turns.wait(60.0, 0) == MOST_WAIT  # it may have waited for its turn
    assert Turns.wait(0.0, SLOWEST) == LEAST_WAIT + 1


def test_a_client_visits_for_longer_each_time_that_a_poll_held_everything_up() -> None:
    turns = Turns()
    assert not turns.visits(0.0)
    now, lasted = 0.0, []
    for _ in range(8):
        turns.waited(now)
        begun = now
        while turns.visits(now):
            now += 5.0
        lasted.append(now - begun)
        assert turns.alone
    assert lasted[:3] == [FIRST_INTERVAL, 2 * FIRST_INTERVAL, 4 * FIRST_INTERVAL]
    assert lasted[-1] == LAST_INTERVAL


def test_what_is_seen_of_one_response_is_counted_once() -> None:
    turns = Turns()
    for now in (0.0, 0.1, 0.2):  # several batches waited
        turns.waited(now)
    assert not turns.visits(FIRST_INTERVAL)


def test_where_a_batch_passed_beside_a_held_poll_there_are_no_visits() -> None:
    turns = Turns()
    turns.waited(0.0)
    turns.passed()
    assert not turns.visits(0.1)
    assert not turns.alone
    turns.waited(100.0)
    assert not turns.visits(100.0 + FIRST_INTERVAL)


def test_a_batch_waits_only_for_the_response_that_was_open_when_it_left() -> None:
    beside = Beside()
    assert not beside.waited(beside.held), "none is open"
    beside.opened(100.0)
    first = beside.held
    assert beside.waited(first)
    assert not beside.waited(None), "it left before that was opened"
    beside.closed()
    assert not beside.waited(first)
    beside.opened(101.0)
    assert not beside.waited(first), "another is open by now"
    assert beside.waited(beside.held)


def test_a_batch_that_is_answered_beside_a_held_poll_shows_that_both_pass() -> None:
    beside = Beside()
    assert not beside.passed(None, 200.0)
    beside.opened(100.0)
    assert not beside.passed(beside.held, 100.0 + SHOWN / 2), "both may have been under way at once"
    assert beside.passed(beside.held, 100.0 + SHOWN)
    assert not beside.passed(None, 200.0), "it left before that was opened"
    before = beside.held
    beside.opened(300.0)
    assert not beside.passed(before, 400.0)


def test_beside_a_response_without_an_end_any_batch_shows_it() -> None:
    beside = Beside(0.0)
    beside.opened(100.0)
    assert beside.passed(beside.held, 100.0)
