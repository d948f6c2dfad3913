"""Evidence: what was seen, before anybody judges it."""

from __future__ import annotations

import pytest

from byway.errors import DROPPED, ELSEWHERE, PLAIN, Attempt
from byway.negotiation.evidence import SLOW, Evidence, Watch


def test_a_program_is_told_what_was_seen_and_nothing_else() -> None:
    one = Evidence(
        transport="sse",
        answered=0.0,
        headers=(("server", "envoy"),),
        silent=Watch(seconds=20.0, watched=4.0, cut=True),
    )
    assert one.as_json() == {
        "transport": "sse",
        "tried": True,
        "headers": [["server", "envoy"]],
        "silent": {"seconds": 20.0, "watched": 4.0, "cut": True},
    }
    assert Evidence(transport="poll", tried=False).as_json() == {"transport": "poll"}


def test_of_several_headers_of_a_name_the_first_is_taken() -> None:
    one = Evidence(transport="poll", headers=(("via", "1.1 a"), ("server", "b"), ("server", "c")))
    assert one.header("server") == "b"
    assert one.header("location") == ""


@pytest.mark.parametrize(
    ("one", "shows"),
    [
        (Evidence(transport="poll", status=200), False),
        (Evidence(transport="poll", mark="error"), True),
        (Evidence(transport="poll", opened=0.0), True),
        (Evidence(transport="websocket", trouble=DROPPED), True),
        (Evidence(transport="websocket", trouble="reset"), False),
    ],
)
def test_what_shows_that_byway_is_served(one: Evidence, shows: bool) -> None:
    assert one.shows_byway is shows


def test_an_attempt_that_got_a_response_says_the_same() -> None:
    headers = (("server", "envoy"),)
    attempt = Attempt("stream", 0.5, "answered 403", 403, headers, "error", "trouble")
    assert Evidence.of_attempt(attempt) == Evidence(
        transport="stream",
        ended=0.5,
        status=403,
        headers=headers,
        mark="error",
        trouble="trouble",
        error="answered 403",
        timeout=0.5,
    )


@pytest.mark.parametrize(
    ("trouble", "cut"), [("reset", 0.5), ("", 0.5), ("timeout", None), (SLOW, None)]
)
def test_an_attempt_that_opened_was_cut_unless_the_client_gave_it_up(
    trouble: str, cut: float | None
) -> None:
    one = Evidence.of_attempt(Attempt("stream", 0.5, trouble=trouble, opened=True))
    assert (one.opened, one.cut) == (0.5, cut)


def test_an_attempt_that_met_another_process_or_no_byway_says_so() -> None:
    assert Evidence.of_attempt(Attempt("poll", 0.5, gone=ELSEWHERE)).strangers == 1
    assert Evidence.of_attempt(Attempt("poll", 0.5, gone="ended")).strangers == 0
    assert Evidence.of_attempt(Attempt("websocket", 0.5, trouble=PLAIN)).plain is True
    assert Evidence.of_attempt(Attempt("websocket", 0.5, trouble="reset")).plain is False
