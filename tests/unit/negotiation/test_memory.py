"""The memory: what is kept, for how long, and what becomes of a file that is none."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from byway.errors import UsageError
from byway.negotiation import memory as memory_module
from byway.negotiation.memory import (
    MAX_AGE,
    MAX_PLACES,
    RETRY_AGE,
    Memory,
    Remembered,
    place_of,
)

HERE = "https://app.example from 192.0.2.7"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def memory(clock: Clock, path: Path | None = None) -> Memory:
    """Return a memory without jitter."""
    return Memory(path, clock=clock, jitter=lambda low, high: 1.0)


def test_what_worked_is_recalled_at_its_place_only(clock: Clock) -> None:
    one = memory(clock)
    one.keep(HERE, "stream", 0.1234, settled=True)
    assert one.recall(HERE) == Remembered("stream", 0.123, clock.now)
    assert one.recall("https://other.example") is None


def test_a_place_is_an_origin_a_proxy_and_a_network() -> None:
    names = {
        place_of("https://a", None, ""),
        place_of("https://b", None, ""),
        place_of("https://a", "http://p:3128", ""),
        place_of("https://a", None, "from 10.0.0.1"),
        place_of("https://a", "http://p:3128", "from 10.0.0.1"),
    }
    assert len(names) == 5


def test_what_is_too_old_counts_no_more(clock: Clock) -> None:
    one = memory(clock)
    one.keep(HERE, "poll", 0.1, settled=True)
    clock.now += MAX_AGE
    assert one.recall(HERE) is not None
    clock.now += 1
    assert one.recall(HERE) is None


def test_a_clock_that_was_set_back_keeps_nothing_for_ever(clock: Clock) -> None:
    one = memory(clock)
    one.keep(HERE, "poll", 0.1, settled=True)
    clock.now -= 3600
    assert one.recall(HERE) is None


def test_what_is_better_is_due_ten_minutes_after_it_was_last_tried(clock: Clock) -> None:
    one = memory(clock)
    one.keep(HERE, "poll", 0.1, settled=True)
    clock.now += RETRY_AGE / 2
    one.keep(HERE, "poll", 0.1, settled=False)  # another session, that tried nothing better
    clock.now += RETRY_AGE / 2
    found = one.recall(HERE)
    assert found is not None
    assert one.due(found)
    one.keep(HERE, "poll", 0.1, settled=True)
    found = one.recall(HERE)
    assert found is not None
    assert not one.due(found)


def test_the_time_to_try_again_has_jitter(clock: Clock) -> None:
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    one = Memory(clock=clock, jitter=jitter)
    one.keep(HERE, "poll", 0.1, settled=True)
    found = one.recall(HERE)
    assert found is not None
    clock.now += RETRY_AGE * 1.1
    assert not one.due(found)
    assert asked == [(0.8, 1.2)]


def test_another_transport_is_news(clock: Clock) -> None:
    one = memory(clock)
    one.keep(HERE, "poll", 0.1, settled=True)
    clock.now += 5
    one.keep(HERE, "stream", 0.1, settled=False)
    assert one.recall(HERE) == Remembered("stream", 0.1, clock.now)


def test_one_place_more_than_the_bound_forgets_the_oldest(clock: Clock) -> None:
    one = memory(clock)
    for number in range(MAX_PLACES + 1):
        one.keep(f"https://{number}.example", "sse", 0.1, settled=True)
    assert len(one.places) == MAX_PLACES
    assert one.recall("https://0.example") is None
    assert one.recall("https://1.example") is not None


def test_forgetting_one_and_all(clock: Clock) -> None:
    one = memory(clock)
    for place in ("a", "b", "c"):
        one.keep(place, "sse", 0.1, settled=True)
    one.forget("b")
    one.forget("nowhere")
    assert one.places == ("a", "c")
    one.clear()
    assert len(one.places) == 0


async def test_a_file_brings_it_to_the_next_process(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    one = memory(clock, path)
    one.keep(HERE, "stream", 0.25, settled=True, heartbeat=2.5)
    await one.flush()
    assert memory(clock, path).recall(HERE) == Remembered("stream", 0.25, clock.now, 2.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["memory.json", "memory.json.lock"]


async def test_two_processes_add_to_one_file(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    first, second = memory(clock, path), memory(clock, path)
    first.keep("a", "sse", 0.1, settled=True)
    await first.flush()
    second.keep("b", "poll", 0.1, settled=True)
    await second.flush()
    assert memory(clock, path).places == ("a", "b")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'{"v": 2, "places": {}}',
        b'{"v": 1, "places": []}',
        b'{"v": 1, "places": {"a": 5}}',
        b'{"v": 1, "places": {"a": {"transport": 5, "seconds": 1, "since": 1}}}',
        b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": "x", "since": 1}}}',
        b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": 1, "since": NaN}}}',
        b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": NaN, "since": 1}}}',
        b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": 1, "since": 1, '
        b'"heartbeat": -1}}}',
        b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": 1, "since": 1'
        + b"0" * 400
        + b"}}}",
        b"[" * 100_000,
        b" " * (1024 * 1024 + 1),
    ],
)
async def test_a_corrupt_file_is_replaced_and_said_so(
    content: bytes, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(content)
    one = memory(clock, path)
    assert len(one.places) == 0
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "corrupt" in record.getMessage()
    one.keep(HERE, "sse", 0.1, settled=True)
    await one.flush()
    assert list(json.loads(path.read_text())["places"]) == [HERE]
    caplog.clear()
    assert memory(clock, path).places == (HERE,)
    assert not caplog.records


async def test_a_file_that_cannot_be_written_is_done_without(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = memory(clock, tmp_path / "no such folder" / "memory.json")
    assert not caplog.records  # that there is none yet is no fault
    one.keep(HERE, "sse", 0.1, settled=True)
    await one.flush()
    assert one.recall(HERE) is not None
    (record,) = caplog.records
    assert "not written" in record.getMessage()


def test_a_file_that_cannot_be_read_is_done_without(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert memory(clock, tmp_path / "file" / "memory.json").places == ()
    (record,) = caplog.records
    assert "not read" in record.getMessage()


async def test_a_change_survives_whatever_writing_raises(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise OverflowError("int too large to convert to float")

    one = memory(clock, tmp_path / "memory.json")
    monkeypatch.setattr(memory_module, "_merge", fails)
    one.keep(HERE, "sse", 0.1, settled=True)
    await one.flush()
    (record,) = caplog.records
    assert "not written" in record.getMessage()
    monkeypatch.undo()
    one.keep("b", "sse", 0.1, settled=True)
    await one.flush()
    assert memory(clock, tmp_path / "memory.json").places == ("b",)


WRITER = """
import asyncio, sys
from byway.negotiation import Memory

async def main():
    one = Memory(sys.argv[1])
    for number in range(25):
        one.keep(f"{sys.argv[2]}-{number}", "sse", 0.1, settled=True)
        await one.flush()

asyncio.run(main())
"""


def test_processes_that_write_at_the_same_time_lose_nothing(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)])
        for number in range(4)
    ]
    assert [one.wait(timeout=30) for one in writers] == [0] * 4
    assert len(memory(clock, path).places) == 100


async def test_a_lock_that_is_never_released_is_waited_for_in_bounds(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "LOCK_TIMEOUT", 0.1)
    path = tmp_path / "memory.json"
    one = memory(clock, path)
    with memory_module._locked(path):
        before = time.monotonic()
        one.keep(HERE, "sse", 0.1, settled=True)
        await one.flush()
        assert 0.1 <= time.monotonic() - before < 5
    assert memory(clock, path).places == (HERE,)


async def test_a_link_stays_one(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "memory.json", tmp_path / "there" / "real.json"
    link.symlink_to(target)
    one = memory(clock, link)
    one.keep(HERE, "sse", 0.1, settled=True)
    await one.flush()
    assert link.is_symlink()
    assert memory(clock, target).places == (HERE,)


def test_what_is_no_file_is_refused_unopened(clock: Clock, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # opening it would wait for ever
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link, tmp_path, Path("/dev/null")):
        with pytest.raises(UsageError, match="kept in a file"):
            memory(clock, path)


@pytest.mark.parametrize("path", [5, True, "a\0b"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(UsageError, match="no path"):
        Memory(path)


async def test_what_takes_the_file_s_place_later_is_left_alone(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    one = memory(clock, path)
    os.mkfifo(path)
    one.keep(HERE, "sse", 0.1, settled=True)
    await one.flush()
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert "not written" in caplog.text


async def test_a_file_says_where_one_request_passes_at_a_time(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    one = memory(clock, path)
    one.keep(HERE, "poll", 0.1, settled=True, visits=True)
    await one.flush()
    found = memory(clock, path).recall(HERE)
    assert found is not None
    assert found.visits
    # A file of an earlier version says nothing of it.
    path.write_text(path.read_text().replace('"visits"', '"else"'))
    found = memory(clock, path).recall(HERE)
    assert found is not None
    assert not found.visits
