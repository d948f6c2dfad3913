"""Throttle: what is said again and again is said once in a while."""

from __future__ import annotations

from byway.server.throttle import INTERVAL, MOST, Throttle


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_same_is_said_once_an_interval() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    assert throttle.due("a")
    assert throttle.due("b")
    clock.now += INTERVAL - 0.1
    assert not throttle.due("a")
    clock.now += 0.1
    assert throttle.due("a")
    assert not throttle.due("a")


def test_it_remembers_no_more_than_its_bound_and_forgets_what_is_old() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    said = sum(throttle.due(f"http://{number}.example") for number in range(10 * MOST))
    assert said == len(throttle) == MOST
    clock.now += INTERVAL
    assert throttle.due("another")
    assert len(throttle) == 1
