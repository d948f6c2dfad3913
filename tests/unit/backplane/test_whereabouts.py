"""When an owner is gone, and when nobody can tell."""

from __future__ import annotations

import pytest

from byway.backplane.asks import Seen
from byway.backplane.whereabouts import GONE_FOR, KNOWN, LOOKS, Record, Whereabouts

A = "aaaaaaaa"
RECORD = b'{"host": "10.0.0.7", "port": 7400}'
OLD, SETTLED, YOUNG = 30_000, 4_000, 3_999


@pytest.mark.parametrize(
    ("seen", "gone"),
    [
        pytest.param(Seen(0, b"", 7, OLD), True, id="no record"),
        pytest.param(Seen(0, b"", 7, OLD - 1), False, id="no record yet, perhaps"),
        pytest.param(Seen(0, b"", 0, OLD), False, id="mine is not there either"),
        pytest.param(Seen(9, RECORD, 7, OLD), False, id="there"),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_no_record(seen: Seen, gone: bool, refused: bool) -> None:
    """It says something where everybody had a whole lease to write one."""
    assert Whereabouts().judge(A, seen, 0.0, refused=refused) is gone


def test_refused_once_is_not_gone() -> None:
    """Nor often, in one and the same renewal."""
    known = Whereabouts()
    for _ in range(100):
        assert not known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)


def test_refused_over_four_renewals_of_mine_and_none_of_its_is_gone() -> None:
    """That is about ten seconds."""
    known = Whereabouts()
    assert not known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)
    assert not known.judge(A, Seen(9, RECORD, 10, OLD), 9.0, refused=True)
    assert known.judge(A, Seen(9, RECORD, 11, OLD), 10.0, refused=True)
    assert known.is_gone(A, 10.0)
    assert known.record(A) is None
    assert not known.is_gone(A, 10.0 + GONE_FOR)


def test_renewals_of_mine_that_follow_each_other_at_once_are_no_time() -> None:
    """As where a process asserts many claims: its owner had no time to renew."""
    known = Whereabouts()
    assert not known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)
    assert not known.judge(A, Seen(9, RECORD, 207, OLD), 9.9, refused=True)
    assert known.judge(A, Seen(9, RECORD, 208, OLD), 10.0, refused=True)


def test_a_directory_that_was_away_makes_nobody_look_dead() -> None:
    """It took no renewals of mine, either, however long that was."""
    known = Whereabouts()
    assert not known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)
    assert not known.judge(A, Seen(9, RECORD, 8, OLD), 1000.0, refused=True)


@pytest.mark.parametrize("sign", ["renewed", "reached", "not refused", "unsettled"])
def test_a_sign_of_life_begins_the_count_anew(sign: str) -> None:
    """Whatever it is; an unsettled directory says nothing."""
    known = Whereabouts()
    assert not known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)
    beat, age = 9, OLD
    if sign == "renewed":
        beat = 10
    elif sign == "reached":
        known.reached(A)
    elif sign == "not refused":
        known.not_refused(A)
    else:
        age = YOUNG
    assert not known.judge(A, Seen(beat, RECORD, 11, age), 10.0, refused=True)


def test_a_door_that_refuses_is_looked_up_twice_a_second() -> None:
    """Not for each of thousands of sessions."""
    known = Whereabouts()
    assert not known.refused_lately(A, 0.0)
    known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=True)
    assert known.refused_lately(A, 0.4)
    assert not known.refused_lately(A, 0.5)


def test_names_that_nobody_knows_are_looked_up_a_few_times_a_second() -> None:
    """Anybody can make names up. Those that the directory named have no bound."""
    known = Whereabouts()
    known.names = frozenset({"live1234"})
    known.judge(A, Seen(9, RECORD, 7, OLD), 0.0, refused=False)
    assert sum(known.may_look(f"f{i:07}", 5.0) for i in range(1000)) == LOOKS
    assert known.may_look("live1234", 5.0)
    assert known.may_look(A, 5.0)
    assert known.may_look("another1", 6.0)


def test_no_more_processes_are_remembered_than_that() -> None:
    """The oldest go."""
    known = Whereabouts()
    for i in range(KNOWN + 1):
        known.judge(f"{i:08}", Seen(1, RECORD, 1, OLD), 0.0, refused=False)
        known.judge(f"{i:08}", Seen(1, RECORD, 1, OLD), 0.0, refused=True)
    assert known.record(f"{0:08}") is None
    assert not known.refused_lately(f"{0:08}", 0.0)
    assert known.record(f"{KNOWN:08}") == Record.parse(RECORD)


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[]", b"nothing", b'{"host": 7, "port": 7}', b'{"host": "a", "port": 0}']
    + [b'{"host": "a", "port": true}', b'{"host": "a", "port": 65536}', b"[" * 100_000],
)
def test_a_record_that_is_none(text: bytes) -> None:
    """A later release may write others; then the process cannot be called."""
    assert Record.parse(text) is None
    known = Whereabouts()
    assert not known.judge(A, Seen(1, text, 1, OLD), 0.0, refused=False)
    assert known.record(A) is None
