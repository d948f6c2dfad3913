"""Absence: when a client that finds nobody waits no longer."""

from __future__ import annotations

import pytest

from byway.errors import Attempt
from byway.negotiation.absence import Absence

REFUSED = Attempt("stream", 0.0, "x", trouble="refused")

WINDOW = 30.0


def refused(*times: float) -> Absence:
    """Return what is known after connections were refused at these times."""
    one = Absence()
    for at in times:
        one.note(REFUSED, at)
    return one


def test_nobody_is_there_once_every_connection_was_refused_for_half_of_the_window() -> None:
    one = refused(100.0, 101.0, 114.9)
    assert not one.is_certain(WINDOW)
    one.note(REFUSED, 115.0)
    assert one.is_certain(WINDOW)
    assert not one.is_certain(2 * WINDOW), "who waits longer means it"


def test_a_few_connections_are_not_enough() -> None:
    assert not refused(100.0, 120.0).is_certain(WINDOW)
    assert not Absence().is_certain(WINDOW)


@pytest.mark.parametrize(
    "other",
    [
        Attempt("poll", 0.0, "x", status=503),
        Attempt("poll", 0.0, "x", status=410, mark="error"),
        Attempt("poll", 0.0, "x", trouble="timeout"),
        Attempt("poll", 0.0, "x", trouble="connect-timeout"),
        Attempt("poll", 0.0, "x", trouble="reset", opened=True),
        Attempt("poll", 0.0, "x", trouble="name"),
        Attempt("poll", 0.0, "x", trouble="unreachable"),
    ],
)
def test_anything_else_begins_it_anew(other: Attempt) -> None:
    """A balancer responds; a network that is away refuses nothing."""
    one = refused(100.0, 101.0, 102.0)
    one.note(other, 103.0)
    for at in (120.0, 121.0, 134.9):
        one.note(REFUSED, at)
        assert not one.is_certain(WINDOW)
    one.note(REFUSED, 135.0)
    assert one.is_certain(WINDOW)


def test_who_finds_somebody_or_moves_into_another_network_begins_anew() -> None:
    one = refused(100.0, 101.0, 130.0)
    assert one.is_certain(WINDOW)
    one.over()
    assert not one.is_certain(WINDOW)
