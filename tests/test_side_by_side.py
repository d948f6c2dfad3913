"""Tests of a run that several processes share: who waits for whom."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.support.process import ROOT
from tests.support.side_by_side import ALONE, TOGETHER, Room, place, unit

HERE, THERE = "tests/unit/test_frames.py::test_a[x::y]", "tests/server/test_race.py::test_b"
LONELY = f"{ALONE[0]}::test_c"


def test_a_file_stays_together_and_some_folders_do() -> None:
    assert unit(HERE) == "tests/unit/test_frames.py"
    for folder in TOGETHER:
        assert unit(f"{folder}test_d.py::test_e") == unit(f"{folder}test_f.py::test_g") == folder


def test_what_is_alone_begins_first() -> None:
    assert place(LONELY) < place(f"{TOGETHER[0]}test_d.py::test_e") < place(HERE)


def test_files_that_are_named_exist() -> None:
    assert all((ROOT / one).exists() for one in (*ALONE, *TOGETHER))


def test_whoever_is_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    first, second, alone = Room(tmp_path), Room(tmp_path), Room(tmp_path)
    first.enter(HERE)
    second.enter(THERE)  # beside the first

    came: list[str] = []

    def come(room: Room, nodeid: str) -> threading.Thread:
        def enter() -> None:
            room.enter(nodeid)
            came.append(nodeid)

        one = threading.Thread(target=enter)
        one.start()
        return one

    lonely = come(alone, LONELY)
    first.leave(HERE, "")
    assert came == []
    second.leave(THERE, "")
    lonely.join(10)
    assert came == [LONELY]
    waiting = come(first, HERE)
    alone.leave(LONELY, LONELY)  # on to its next test
    alone.enter(LONELY)
    assert came == [LONELY]
    alone.leave(LONELY, THERE)
    waiting.join(10)
    assert came == [LONELY, HERE]
    first.leave(HERE, "")
