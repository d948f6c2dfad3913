"""Whether the owner of a session lives, where its lock is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from byway.backplane import Gone, Unreachable
from byway.backplane import owners as module
from byway.backplane.counts import Counts
from byway.backplane.life import Lock
from byway.backplane.meeting import Meeting
from byway.backplane.owners import Owners

OWNER = "A-_45678"
WINDOW = 30.0


class Nobody:
    """Who has no links."""

    def cut(self, owner: str) -> bool:
        """Cut none."""
        return False


class Clock:
    """The time, as the test says."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def owners(path: Path, *bases: Path) -> Owners:
    meeting = Meeting(path / "meet")
    meeting.prepare()
    return Owners(meeting, cast(Any, Nobody()), WINDOW, Counts(), bases)


def ask(one: Owners, name: str = OWNER) -> None:
    with pytest.raises(Unreachable, match="is not known here"):
        one.check(name)


def test_a_lock_that_stays_away_for_the_window_means_an_end(tmp_path: Path, clock: Clock) -> None:
    one = owners(tmp_path)
    for _ in range(10):
        ask(one)
        clock.now += WINDOW / 10
    with pytest.raises(Gone):
        one.check(OWNER)


def test_a_place_that_is_cleaned_twice_ends_nobody_who_lives(tmp_path: Path, clock: Clock) -> None:
    """Nobody asks in between, when the lock is there again."""
    one = owners(tmp_path)
    lock = Lock(tmp_path / "meet" / f"{OWNER}.lock")
    for _ in range(2):
        lock.take()
        os.unlink(tmp_path / "meet" / f"{OWNER}.lock")  # as a session manager does
        ask(one)
        clock.now += 2 * WINDOW
    lock.let_go()


def test_names_that_nobody_has_do_not_list_what_is_elsewhere_each(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client may send any, and the temporary directory may hold thousands of files."""
    listed: list[Path] = []
    scan = os.scandir

    def scandir(path: Path) -> Any:
        listed.append(path)
        return scan(path)

    one = owners(tmp_path, tmp_path)
    monkeypatch.setattr(os, "scandir", scandir)
    for number in range(100):
        ask(one, f"{number:08}")
    assert listed == [tmp_path]
    clock.now += module.LISTED
    ask(one)
    assert listed == [tmp_path] * 2
