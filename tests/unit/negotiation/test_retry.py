"""Retry: which rounds in vain are worth another, and not before when."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from byway.errors import Attempt
from byway.negotiation.retry import (
    MAX_OPENINGS,
    MAY_BE_REFUSED,
    Again,
    GiveUp,
    Retries,
    may_pass,
)
from byway.retry_hint import LONGEST, retry_after

DATE = 1_800_000_000.0


def attempt(
    status: int | None = None,
    *,
    mark: str = "",
    trouble: str = "",
    over: str = "poll",
    **headers: str,
) -> Attempt:
    """Return an attempt that got this response, or none."""
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Attempt(over, 0.1, "x", status=status, headers=told, mark=mark, trouble=trouble)


def after(*attempts: Attempt, deadline: float = 120.0) -> Again | GiveUp:
    """Return what is decided at 100 s."""
    one = Retries()
    for each in attempts:
        one.note(each, 100.0, DATE)
    return one.first_round(100.0, deadline)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 2 ", 2.0),
        ("9" * 200, LONGEST),
        (formatdate(DATE + 90, usegmt=True), 90.0),
        (formatdate(DATE - 90, usegmt=True), 0.0),
        (formatdate(DATE + 1e9, usegmt=True), LONGEST),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),  # the form of RFC 850
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("\u0663", None),  # a digit, but not of HTTP
        ("Fri, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str, seconds: float | None) -> None:
    assert retry_after(value, DATE) == seconds


@pytest.mark.parametrize("status", [429, 502, 503, 504, 511])
def test_what_the_network_says_of_a_server_that_is_away_may_pass(status: int) -> None:
    assert may_pass(attempt(status))


@pytest.mark.parametrize("status", [None, 200, 302, 400, 401, 403, 404, 405, 407, 410, 500, 501])
def test_everything_else_stays(status: int | None) -> None:
    assert not may_pass(attempt(status))


def test_of_byways_own_errors_three_may_pass_and_no_refusal_does() -> None:
    assert [one for one in range(400, 600) if may_pass(attempt(one, mark="error"))] == [
        410,
        429,
        503,
    ]
    assert not any(may_pass(attempt(one, mark="refused")) for one in range(400, 600))


@pytest.mark.parametrize(
    ("content_type", "passes"),
    [("text/html; charset=utf-8", True), ("application/XHTML+xml", True), ("text/plain", False)],
)
def test_a_web_page_in_byways_place_may_pass(content_type: str, passes: bool) -> None:
    assert may_pass(attempt(200, content_type=content_type)) is passes


def test_the_next_round_waits_for_the_longest_that_was_asked_for_in_time() -> None:
    assert after(attempt(502, over="websocket"), attempt(503, retry_after="2")) == Again(2.0)
    date = formatdate(DATE + 7, usegmt=True)
    assert after(attempt(503, retry_after=date)) == Again(7.0)
    assert after(attempt(503, retry_after="soon")) == Again(0.0)
    both = attempt(429, over="websocket", retry_after="900"), attempt(503, retry_after="2")
    assert after(*both) == Again(2.0)


def test_a_round_that_would_come_too_late_does_not_come() -> None:
    end = after(attempt(503, retry_after="30"))
    assert isinstance(end, GiveUp)
    assert end.retry_after == 30
    assert "503 over poll asks to come back in 30 s" in end.why
    # A connection that was reset beside it is worth a try all the same.
    lucky = attempt(trouble="reset", over="stream")
    assert after(lucky, attempt(503, retry_after="30")) == Again(0.0)


def test_a_round_at_the_very_end_comes_too_late() -> None:
    assert after(attempt(503, retry_after="19")) == Again(19.0)
    assert isinstance(after(attempt(503, retry_after="20")), GiveUp)


def test_only_the_newest_attempt_of_a_transport_counts() -> None:
    assert after(attempt(503, retry_after="9"), attempt(404)) == GiveUp()


@pytest.mark.parametrize("trouble", ["reset", "ended"])
def test_connections_that_end_are_tried_again_a_few_times(trouble: str) -> None:
    one = Retries()
    for _ in range(MAX_OPENINGS - 1):
        one.note(attempt(trouble=trouble), 0.0, DATE)
        assert one.first_round(0.0, 20.0) == Again(0.0)
    one.note(attempt(trouble=trouble), 0.0, DATE)
    assert one.first_round(0.0, 20.0) == GiveUp()


@pytest.mark.parametrize("trouble", ["name", "refused", "certificate", "tls", "unreachable"])
def test_what_is_not_there_is_asked_once(trouble: str) -> None:
    assert after(attempt(trouble=trouble)) == GiveUp()


def test_in_mid_session_the_wait_is_bounded() -> None:
    one = Retries()
    assert one.later_round(100.0, 5.0) == 0.0
    one.note(attempt(503, retry_after="3"), 100.0, DATE)
    assert [one.later_round(at, 5.0) for at in (100.0, 102.0, 200.0)] == [3.0, 1.0, 0.0]
    one.note(attempt(503, retry_after="300"), 100.0, DATE)
    assert one.later_round(100.0, 5.0) == 5.0


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (attempt(503), "look at the server behind it"),
        (attempt(503, mark="error"), "503 by byway over poll"),
        (attempt(511), "login or maintenance page"),
        (attempt(200, content_type="text/html"), "login or maintenance page"),
    ],
)
def test_when_time_is_up_it_says_what_was_seen_last_and_what_to_do(
    last: Attempt, words: str
) -> None:
    one = Retries()
    one.note(attempt(404, over="websocket"), 0.0, DATE)
    assert one.late() == GiveUp()
    one.note(last, 0.0, DATE)
    assert words in one.late().why
    assert f"{last.status}" in one.late().why
    assert "after 2 tries" in one.late().why


def gone(**more: str) -> Attempt:
    """Return an attempt that was told of a session that has ended."""
    return attempt(410, mark="error", **more)


def test_a_key_that_is_used_up_is_followed_by_another_once() -> None:
    one = Retries()
    one.note(gone(over="sse"), 0.0, DATE)
    one.note(gone(retry_after="3"), 0.0, DATE)
    assert one.first_round(0.0, 20.0) == Again(3.0, other_key=True)
    one.note(attempt(503, mark="error", retry_after="1"), 4.0, DATE)
    one.note(attempt(404, over="sse"), 4.0, DATE)
    assert one.first_round(4.0, 20.0) == Again(1.0), "the other key is not used up"
    one.note(gone(), 6.0, DATE)
    assert one.first_round(6.0, 20.0) == GiveUp()


def test_a_stranger_s_410_and_one_that_asks_for_too_much_are_followed_by_nothing() -> None:
    assert after(attempt(410)) == GiveUp()
    end = after(gone(retry_after="60"))
    assert isinstance(end, GiveUp)
    assert end.retry_after == 60
    # What is given up did not use the other key: it is there for who goes on for another reason.
    one = Retries()
    one.note(gone(retry_after="60"), 0.0, DATE)
    one.note(attempt(503, over="sse"), 0.0, DATE)
    assert one.first_round(0.0, 20.0) == Again(0.0, other_key=True)


def test_where_time_is_up_with_a_key_that_is_used_up_the_reason_says_so() -> None:
    one = Retries()
    one.note(gone(retry_after="9"), 0.0, DATE)
    assert "410 by byway over poll" in one.late().why
    assert one.late().why.endswith("the process that it began in has ended: try again")
    one.note(attempt(503, mark="error", over="sse"), 0.0, DATE)
    assert one.late().why.endswith("the server has too much to do: try again later")


@pytest.mark.parametrize("beside", [[], [attempt(406, mark="error", over="stream")]])
def test_a_websocket_that_got_a_bare_403_is_asked_again_once(beside: list[Attempt]) -> None:
    """It may be the application's, which the server marks when it is asked for again."""
    one = Retries()
    decisions = []
    for _ in range(2):
        for each in (attempt(403, over="websocket"), *beside):
            one.note(each, 0.0, DATE)
        decisions.append(one.first_round(0.0, 20.0))
    assert decisions == [Again(0.0), GiveUp(MAY_BE_REFUSED)]


@pytest.mark.parametrize(
    "others",
    [
        [attempt(403, over="websocket", mark="error")],
        [attempt(403)],
        [attempt(404, over="websocket")],
        [attempt(403, over="websocket"), attempt(404)],
        [attempt(403, over="websocket"), attempt(406)],
        [attempt(403, over="websocket"), attempt(trouble="refused")],
    ],
)
def test_no_other_403_is_asked_again(others: list[Attempt]) -> None:
    """Where another transport got any other response, that says enough."""
    assert after(*others) == GiveUp()
