"""What cuts after silence say of a path."""

from __future__ import annotations

import pytest

from byway.negotiation import Silence

BEAT = 10.0


def test_two_cuts_after_the_same_silence_ask_for_half_of_it() -> None:
    one = Silence()
    assert not one.cut(6.0, BEAT)
    assert one.heartbeat is None
    assert one.cut(5.5, BEAT)
    assert one.heartbeat == 2.75


def test_cuts_after_different_silences_say_nothing() -> None:
    one = Silence()
    for silence in (8.0, 2.0, 5.0, 1.0):
        assert not one.cut(silence, BEAT)
    assert one.heartbeat is None


def test_cuts_in_the_midst_of_speech_say_nothing() -> None:
    one = Silence()
    for _ in range(5):
        assert not one.cut(0.3, BEAT)
    assert one.heartbeat is None


def test_a_heartbeat_that_came_too_late_for_the_path_is_halved() -> None:
    """A path that drops an idle connection without a word is noticed two heartbeats later."""
    one = Silence()
    assert not one.cut(20.0, BEAT)
    assert one.cut(20.0, BEAT)
    assert one.heartbeat == 5.0


def test_a_heartbeat_that_does_not_help_is_made_shorter_and_never_longer() -> None:
    one = Silence()
    one.cut(8.0, BEAT)
    one.cut(8.0, BEAT)
    assert one.heartbeat == 4.0
    one.cut(3.0, 4.0)
    assert one.cut(3.0, 4.0)
    assert one.heartbeat == 1.5
    for _ in range(4):
        assert not one.cut(6.0, BEAT)
    assert one.heartbeat == 1.5


def test_no_heartbeat_is_below_the_least() -> None:
    one = Silence()
    one.cut(1.2, BEAT)
    assert one.cut(1.2, BEAT)
    assert one.heartbeat == 1.0
    one.cut(1.2, BEAT)
    assert not one.cut(1.2, BEAT)  # it cannot help any more: the transport is to blame


@pytest.mark.parametrize(
    ("silences", "heartbeat"),
    [
        ((11.9, 11.9), 5.95),  # below 1.2 heartbeats it is the silence that counts
        ((12.0, 12.0), 5.0),  # and from there on the heartbeat
        ((8.0, 10.0), 4.0),  # alike by just a fifth of the longer
        ((7.9, 10.0), None),
        ((1.0, 1.0), 1.0),  # the least that counts, and the least heartbeat
        ((0.9, 0.9), None),
    ],
)
def test_the_bounds(silences: tuple[float, float], heartbeat: float | None) -> None:
    one = Silence()
    for silence in silences:
        one.cut(silence, BEAT)
    assert one.heartbeat == heartbeat


@pytest.mark.parametrize(("age", "confirmed"), [(7.9, False), (8.0, False), (8.1, True)])
def test_a_heartbeat_is_confirmed_by_a_carrier_that_lasts(age: float, confirmed: bool) -> None:
    one = Silence()
    one.cut(4.0, BEAT)
    one.cut(4.0, BEAT)
    assert one.confirmed(age) is confirmed


def test_what_is_known_from_the_last_time_needs_no_confirmation() -> None:
    one = Silence(2.5)
    assert one.heartbeat == 2.5
    assert one.confirmed(0.0)
