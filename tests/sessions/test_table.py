"""The tables: what another process says is shown as it may be."""

from __future__ import annotations

import pytest

from byway.backplane.asking import Reply, read
from byway.sessions import table
from byway.sessions.backplanes import without_password


def test_what_a_process_says_is_printed_without_control_characters() -> None:
    said = {"host": "a\x1b[2Jb\nc", "pid": "\x07", "carriers": {"\x1b]0;x": 1}, "sessions": 2}
    lines = table.processes([Reply("process1", said)])
    assert len(lines) == 2
    assert all(one.isprintable() for one in lines)
    assert "a?[2Jb?c" in lines[1]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"sessions": "many", "calls": 3, "messages": None, "carriers": [1], "found": {}},
        {"found": [1, {}, {"messages": {"in": []}}], "more": "x"},
    ],
)
def test_a_process_of_another_version_is_shown_as_far_as_it_is_understood(
    said: dict[str, object],
) -> None:
    assert "process1" in table.processes([Reply("process1", said)])[1]
    assert table.sessions([Reply("process1", said)], "3f9a")


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_response_is_said(payload: bytes) -> None:
    reply = read("process1", payload)
    assert reply.error == "its response is not a JSON object"
    assert table.processes([reply]) == [f"process1  did not respond: {reply.error}"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (61, "1m 1s"), (3_600, "1h 0m"), (90_061, "1d 1h")],
)
def test_ages(seconds: float, text: str) -> None:
    assert table.age(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes(number: int, text: str) -> None:
    assert table.size(number) == text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:1/2", "redis://host:1/2"),
        ("redis://:p@ss@host:1", "redis://host:1"),
        ("rediss://host", "rediss://host"),
        ("redis://host/2?password=secret", "redis://host/2"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
        ("redis+sentinel://u:p@a:1,b:2/x", "redis+sentinel://a:1,b:2/x"),
        ("unix:/run/chat", "unix:/run/chat"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
