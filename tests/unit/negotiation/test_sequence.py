"""Sequence: which transport is tried next, and after what pause."""

from __future__ import annotations

from byway.negotiation import Preference, Sequence
from byway.negotiation.sequence import FIRST_DELAY, LAST_DELAY


def longest(low: float, high: float) -> float:
    """Draw the longest pause that may be drawn."""
    assert low == 0
    return high


def sequence(*transports: str) -> Sequence:
    """Return a sequence that always pauses as long as it may."""
    return Sequence(Preference.of(transports), jitter=longest)


def steps(one: Sequence, count: int) -> list[tuple[str, float]]:
    """Return the next steps."""
    return [(step.transport, step.delay) for step in (one.next() for _ in range(count))]


def test_the_first_round_goes_through_the_order_without_a_pause() -> None:
    assert steps(sequence("websocket", "sse", "poll"), 3) == [
        ("websocket", 0),
        ("sse", 0),
        ("poll", 0),
    ]


def test_each_later_round_waits_longer_up_to_a_bound() -> None:
    one = sequence("poll")
    delays = [delay for _, delay in steps(one, 12)]
    assert delays[:4] == [0, FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert delays[-1] == LAST_DELAY
    assert delays == sorted(delays)


def test_only_the_first_of_a_round_waits() -> None:
    one = sequence("sse", "poll")
    steps(one, 2)
    assert steps(one, 2) == [("sse", FIRST_DELAY), ("poll", 0)]


def test_what_opened_is_the_first_to_be_tried_again_and_the_best_follows() -> None:
    one = sequence("websocket", "stream", "poll")
    steps(one, 3)
    one.worked()
    assert [name for name, _ in steps(one, 3)] == ["poll", "websocket", "stream"]


def test_a_carrier_that_was_of_use_is_followed_at_once() -> None:
    one = sequence("sse", "poll")
    steps(one, 1)
    one.worked()
    one.served()
    assert steps(one, 1) == [("sse", 0)]


def test_a_carrier_that_opens_and_ends_in_a_loop_makes_no_storm() -> None:
    one = sequence("sse", "poll")
    delays = []
    for _ in range(6):
        delays += [delay for _, delay in steps(one, 1)]
        one.worked()
    assert delays[0] == 0
    assert all(delays[1:])
    assert delays == sorted(delays)


def test_after_one_of_use_the_pauses_begin_anew() -> None:
    one = sequence("poll")
    steps(one, 6)
    one.worked()
    one.served()
    assert [delay for _, delay in steps(one, 2)] == [0, FIRST_DELAY]
