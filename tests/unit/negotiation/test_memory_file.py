"""The memory's file: what stands in it, what is read of it, and who else writes it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from byway.negotiation import memory as memory_module
from byway.negotiation.memory import (
    MAX_FILE,
    MAX_PLACES,
    RETRY_AGE,
    Memory,
    Remembered,
    place_of,
)

FIELDS: dict[str, Any] = {
    "transport": "poll",
    "seconds": 0.5,
    "since": 1_000.0,
    "heartbeat": 2.5,
    "excluded": ["websocket"],
    "visits": True,
}
"""Of one place, as they stand in a file."""


def written(path: Path, **places: dict[str, Any]) -> Path:
    """Write a file of these places."""
    path.write_text(json.dumps({"v": 1, "places": places}))
    return path


async def test_everything_that_is_known_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = Memory(path, clock=lambda: 1_000.0)
    memory.keep(
        "a", "poll", 0.5, settled=True, heartbeat=2.5, order=["stream", "sse", "poll"], visits=True
    )
    await memory.flush()
    content = json.loads(path.read_text())
    assert content == {"v": 1, "places": {"a": FIELDS}}
    assert path.read_text().startswith('{\n "v": 1')  # people can read it
    assert memory.recall("a") == Memory(path, clock=lambda: 1_000.0).recall("a")


def test_everything_that_stands_there_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "memory.json", a=FIELDS)
    assert Memory(path, clock=lambda: 1_000.0).recall("a") == Remembered(
        "poll", 0.5, 1_000.0, 2.5, ("websocket",), visits=True
    )


@pytest.mark.parametrize("missing", ["heartbeat", "excluded", "visits"])
def test_what_an_earlier_release_did_not_write_is_not_missed(missing: str, tmp_path: Path) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != missing}
    found = Memory(written(tmp_path / "m", a=fields), clock=lambda: 1_000.0).recall("a")
    assert found is not None
    assert found == Remembered(
        "poll",
        0.5,
        1_000.0,
        heartbeat=None if missing == "heartbeat" else 2.5,
        excluded=() if missing == "excluded" else ("websocket",),
        visits=missing != "visits",
    )


@pytest.mark.parametrize(
    ("fields", "is_read"),
    [
        ({"seconds": 0}, True),
        ({"seconds": -0.001}, False),
        ({"heartbeat": 0.001}, True),
        ({"heartbeat": 999_999}, True),
        ({"heartbeat": 1e6}, False),
        ({"heartbeat": 0}, False),
        ({"heartbeat": None}, True),
        ({"visits": 1}, True),
        ({"since": float("inf")}, False),
        ({"transport": None}, False),
    ],
)
def test_the_bounds_of_what_can_be_true(
    fields: dict[str, Any], is_read: bool, tmp_path: Path
) -> None:
    path = written(tmp_path / "memory.json", a={**FIELDS, **fields})
    assert Memory(path).places == (("a",) if is_read else ())


def test_one_is_not_true(tmp_path: Path) -> None:
    path = written(tmp_path / "memory.json", a={**FIELDS, "visits": 1})
    found = Memory(path, clock=lambda: 1_000.0).recall("a")
    assert found is not None
    assert found.visits is False


def test_a_file_of_just_the_bound_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "memory.json", a=FIELDS)
    path.write_text(path.read_text().ljust(MAX_FILE))
    assert Memory(path).places == ("a",)
    path.write_text(path.read_text() + " ")
    assert Memory(path).places == ()


def test_a_longer_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    with path.open("wb") as file:
        file.truncate(64 * MAX_FILE)
    tracemalloc.start()
    try:
        assert Memory(path).places == ()
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_FILE
    finally:
        tracemalloc.stop()


def test_a_pipe_that_took_its_place_since_it_was_looked_at_does_not_block(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    os.mkfifo(path)
    assert memory_module._read(path) == {}
    assert caplog.messages == [f"memory {path}: not read: not a regular file"]


def test_of_a_file_with_too_many_places_the_latest_are_read(tmp_path: Path) -> None:
    names = [str(number) for number in range(MAX_PLACES + 2)]
    fields = {"transport": "sse", "seconds": 1, "since": 1}
    path = written(tmp_path / "memory.json", **dict.fromkeys(names, fields))
    assert Memory(path).places == tuple(names[2:])


def test_what_is_kept_again_is_the_latest() -> None:
    memory = Memory()
    for place in ("a", "b", "a"):
        memory.keep(place, "sse", 0.1, settled=True)
    assert memory.places == ("b", "a")


def test_a_place_is_named_by_its_parts() -> None:
    assert place_of("https://a", None, "") == "https://a"
    assert place_of("https://a", "http://p:1", "") == "https://a via http://p:1"
    assert place_of("https://a", None, "from 10.0.0.1") == "https://a from 10.0.0.1"
    assert place_of("https://a", "http://p:1", "from 10.0.0.1") == (
        "https://a via http://p:1 from 10.0.0.1"
    )


def test_by_default_a_memory_asks_the_system_for_the_time_and_for_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory()
    memory.keep("a", "poll", 0.1, settled=True)
    found = memory.recall("a")
    assert found is not None
    assert not found.visits
    assert found.heartbeat is None
    assert not memory.due(found)


@pytest.mark.parametrize(("age", "due"), [(RETRY_AGE - 0.1, False), (RETRY_AGE, True)])
def test_the_age_at_which_what_is_better_is_due(age: float, due: bool) -> None:
    memory = Memory(clock=lambda: 1_000.0 + age, jitter=lambda low, high: 1.0)
    assert memory.due(Remembered("poll", 0.1, 1_000.0)) is due


def test_a_session_that_was_limited_does_not_put_off_what_is_better() -> None:
    now = 1_000.0
    memory = Memory(clock=lambda: now)
    memory.keep("a", "poll", 0.1, settled=True)
    now = 1_100.0
    memory.keep("a", "poll", 0.2, settled=True, order=["poll"])
    found = memory.recall("a")
    assert found == Remembered("poll", 0.2, 1_000.0)
    memory.keep("a", "poll", 0.2, settled=False)
    assert memory.recall("a") == found
    memory.keep("a", "poll", 0.2, settled=True)
    assert memory.recall("a") == Remembered("poll", 0.2, 1_100.0)


async def test_while_it_is_written_more_can_be_kept_and_nothing_is_written_twice_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[list[str]] = []
    monkeypatch.setattr(
        memory_module, "_merge", lambda _path, changed: merged.append(list(changed))
    )
    memory = Memory(tmp_path / "memory.json")
    memory.keep("a", "sse", 0.1, settled=True)
    memory.keep("b", "sse", 0.1, settled=True)
    writing = memory._writing
    assert writing is not None
    memory.keep("c", "sse", 0.1, settled=True)
    assert memory._writing is writing
    await memory.flush()
    assert merged == [["a", "b", "c"]]
    memory.forget("b")
    assert memory._writing is not writing
    await memory.flush()
    assert merged == [["a", "b", "c"], ["b"]]


async def test_a_wait_for_the_file_has_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path / "memory.json")
    await memory.flush()  # there is nothing to wait for
    never = asyncio.get_running_loop().create_future()

    async def hangs(*_: object) -> None:
        await never

    monkeypatch.setattr(asyncio, "to_thread", hangs)
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush(timeout=0.01)
    writing = memory._writing
    assert writing is not None
    assert not writing.done()
    never.set_result(None)
    await memory.flush()
    assert writing.done()


async def test_a_place_that_is_forgotten_is_taken_out_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "memory.json", a=FIELDS, b=FIELDS)
    memory = Memory(path)
    memory.forget("a")
    await memory.flush()
    assert list(json.loads(path.read_text())["places"]) == ["b"]


async def test_what_another_process_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = Memory(path)
    written(path, b=FIELDS)
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    assert Memory(path).places == ("b", "a")


def test_the_lock_is_on_a_file_beside_it_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    with memory_module._locked(path):
        lock = tmp_path / "memory.json.lock"
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with lock.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is free again
    assert os.listdir(tmp_path) == ["memory.json.lock"]


def test_a_lock_that_somebody_else_s_link_stands_for_is_done_without(tmp_path: Path) -> None:
    path, theirs = tmp_path / "memory.json", tmp_path / "theirs"
    (tmp_path / "memory.json.lock").symlink_to(theirs)
    with memory_module._locked(path):
        assert not theirs.exists()


async def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fails)
    path = tmp_path / "memory.json"
    memory = Memory(path)
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    assert "not written: the disk is full" in caplog.text
    assert os.listdir(tmp_path) == ["memory.json.lock"]


async def test_what_is_being_written_stands_beside_the_file_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[Path] = []
    replace = os.replace

    def notes(one: str, other: Path) -> None:
        renamed.append(Path(one))
        replace(one, other)

    monkeypatch.setattr(os, "replace", notes)
    memory = Memory(tmp_path / "memory.json")
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    (one,) = renamed
    assert one.parent == tmp_path
    assert one.name.startswith("memory.json")
