"""Told: how loudly a log says what a peer did wrong."""

from __future__ import annotations

import logging

from byway.errors import ELSEWHERE, PeerError
from byway.server.origin import ForeignPage
from byway.server.refusal_log import CURE, MORE, RefusalLog
from byway.server.registry import SessionGone
from byway.server.throttle import MOST


def page_of(number: int) -> ForeignPage:
    """Return the refusal of one of many origins."""
    return ForeignPage(f"http://{number}.example", "why")


def test_origins_beyond_the_bound_are_not_hidden_by_those_before() -> None:
    told = RefusalLog()
    for number in range(MOST):
        level, text = told.line(page_of(number), page_of(number))
        assert level == logging.WARNING
        assert MORE not in text
    level, text = told.line(page_of(0), page_of(0))
    assert level == logging.DEBUG, "it was named just now"
    level, text = told.line(page_of(MOST), page_of(MOST))
    assert level == logging.WARNING
    assert f"http://{MOST}.example" in text
    assert MORE in text
    for number in range(MOST, 2 * MOST):
        assert told.line(page_of(number), page_of(number))[0] == logging.DEBUG


def test_whatever_a_foreign_page_is_refused_for_it_fills_no_log() -> None:
    """Its handshakes may name sessions that are not here, of this process or of another."""
    told = RefusalLog()
    page, gone = page_of(1), SessionGone("not known", "unknown")
    assert told.line(gone, page)[0] == logging.WARNING
    for error in (gone, SessionGone("another", ELSEWHERE), PeerError("malformed"), page):
        assert told.line(error, page)[0] == logging.DEBUG
    # Nor does it keep what others do from being told.
    assert told.line(gone) == (logging.WARNING, "not known")
    assert told.line(SessionGone("another", ELSEWHERE)) == (logging.WARNING, f"another: {CURE}")
    assert told.line(SessionGone("another", ELSEWHERE))[0] == logging.INFO
