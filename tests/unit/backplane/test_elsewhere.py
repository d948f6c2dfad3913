"""Elsewhere: what other places say, and which of them are removed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from byway.backplane.elsewhere import MOST, ended_at, places, remove_old_places
from byway.backplane.life import Lock
from byway.backplane.meeting import Meeting
from tests.unit.backplane.others import NOBODY

A, B = "A-_45678", "B-_45678"
AGE = 600.0


def ended_elsewhere(name: str, bases: list[Path]) -> bool:
    return ended_at(name, places(bases))


def place(path: Path, *names: str) -> list[Lock]:
    """Make a place where some processes live."""
    meeting = Meeting(path)
    meeting.prepare()
    locks = [Lock(meeting.lock(name)) for name in names]
    for one in locks:
        one.take()
    return locks


def test_a_lock_that_is_free_at_another_place_says_so(tmp_path: Path) -> None:
    """One that is held, or not there, says nothing."""
    bases = [tmp_path / "nowhere", tmp_path]
    first, second = place(tmp_path / "byway-1", A, B)
    assert not ended_elsewhere(A, bases)
    first.let_go()
    assert ended_elsewhere(A, bases)
    assert not ended_elsewhere(B, bases)
    assert second.holds()
    (tmp_path / "byway-1").rename(tmp_path / "other-1")
    assert not ended_elsewhere(A, bases)


@pytest.mark.parametrize("what", ["mode", "link", "user"])
def test_a_place_that_others_can_write_says_nothing(tmp_path: Path, what: str) -> None:
    """Anybody could put a lock there."""
    [lock] = place(tmp_path / "byway-1", A)
    lock.let_go()
    if what == "mode":
        (tmp_path / "byway-1").chmod(0o770)
    elif what == "link":
        (tmp_path / "byway-1").rename(tmp_path / "other")
        (tmp_path / "byway-1").symlink_to(tmp_path / "other")
    elif os.geteuid() == 0:
        os.chown(tmp_path / "byway-1", NOBODY, NOBODY)
    else:
        pytest.skip("only root can be another user, too")
    assert not ended_elsewhere(A, [tmp_path])


def test_old_places_are_removed(tmp_path: Path) -> None:
    """Those in which nobody lives, of this user, that have not changed for long."""
    long_ago = time.time() - 1_000
    for one in (*place(tmp_path / "byway-dead", A), *place(tmp_path / "byway-new", A)):
        one.let_go()
    (tmp_path / "byway-dead" / "claims" / ("0" * 32)).symlink_to(A)
    lives = place(tmp_path / "byway-lives", A)
    (tmp_path / "byway-file").touch()
    (tmp_path / "byway-link").symlink_to(tmp_path / "elsewhere")
    place(tmp_path / "elsewhere")
    for path in tmp_path.iterdir():
        if path.name != "byway-new":
            os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    if os.geteuid() == 0:
        os.mkdir(tmp_path / "byway-other", 0o700)
        os.utime(tmp_path / "byway-other", (long_ago, long_ago))
        os.chown(tmp_path / "byway-other", NOBODY, NOBODY)
    before = {one.name for one in tmp_path.iterdir()}
    assert remove_old_places(tmp_path, AGE) == 1
    assert before - {one.name for one in tmp_path.iterdir()} == {"byway-dead"}
    assert lives[0].holds()


def test_few_old_places_are_removed_at_a_time(tmp_path: Path) -> None:
    """A start is not held up by what many before it left."""
    for number in range(MOST + 3):
        one = tmp_path / f"byway-{number}"
        one.mkdir(mode=0o700)
        os.utime(one, (0, 0))
    assert remove_old_places(tmp_path, AGE) == MOST
    assert remove_old_places(tmp_path, AGE) == 3
    assert remove_old_places(tmp_path / "nowhere", AGE) == 0
