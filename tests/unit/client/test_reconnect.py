"""Coming back: whether, and after which pause."""

from __future__ import annotations

import pytest

from byway.client.reconnect import LAST_PAUSE, LONGEST_ASKED, Reconnect
from byway.retry_hint import MAX_HINT, come_back, going_away


def longest() -> Reconnect:
    """Return one whose jitter is always at its upper end."""
    return Reconnect(lambda low, high: high)


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4999, None])
def test_after_these_the_same_would_come_of_it(code: int | None) -> None:
    assert longest().ended(code, "", lasted=True) is None


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 1013, 1014])
def test_after_these_it_may_work(code: int) -> None:
    assert longest().ended(code, "", lasted=True) == 1.0


def test_pauses_double_and_are_bounded() -> None:
    one = longest()
    pauses = [one.failed() for _ in range(30)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LAST_PAUSE


def test_who_asks_for_a_longer_pause_gets_it_within_bounds() -> None:
    one = longest()
    assert one.failed(30.0) == 31
    assert one.failed(1e6) == LONGEST_ASKED + 2


def test_a_session_that_ends_at_once_counts_as_a_failure_and_one_that_lasted_does_not() -> None:
    one = longest()
    assert [one.ended(1006, "", lasted=False) for _ in range(3)] == [1, 2, 4]
    assert one.ended(1006, "", lasted=True) == 1


def test_the_pause_is_the_one_that_the_server_asks_for() -> None:
    assert longest().ended(1012, going_away(2.345), lasted=True) == 2.3
    assert longest().ended(1011, going_away(2.345), lasted=True) == 1.0


def test_a_retry_after_of_the_response_that_ended_the_session_is_the_pause() -> None:
    one = longest()
    assert one.ended(1006, "", lasted=True, retry_after=7) == 7
    assert one.ended(1006, "", lasted=False, retry_after=7) == 7
    assert one.ended(1006, "", lasted=False, retry_after=0) == 2, "it backs off all the same"
    assert one.ended(1006, "", lasted=True, retry_after=1e6) == LONGEST_ASKED
    assert one.ended(1012, going_away(2.3), lasted=True, retry_after=7) == 2.3
    assert one.ended(4000, "", lasted=True, retry_after=7) is None


def test_a_server_that_ends_each_session_at_once_does_not_set_the_pace_of_a_storm() -> None:
    one = longest()
    assert [one.ended(1012, going_away(0), lasted=False) for _ in range(4)] == [1, 2, 4, 8]
    assert one.ended(1012, going_away(99), lasted=False) == 99, "never sooner than it asks for"
    assert one.ended(1012, going_away(0), lasted=True) == 0


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        ("come back in 3 s", 3.0),
        ("restarting; come back in 0.25 s", 0.25),
        ("come back in 99999999 s", MAX_HINT),
        ("come back in 9999999999999 s", None),
        ("come back in -1 s", None),
        ("come back in 1e3 s", None),
        ("come back in 3 s, or never", None),
        ("come back in \u0663 s", None),
        ("", None),
    ],
)
def test_a_hint_is_read_or_there_is_none(reason: str, seconds: float | None) -> None:
    assert come_back(reason) == seconds
