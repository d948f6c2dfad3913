"""What was excluded by choice says nothing about the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from byway.negotiation import DEFAULT_ORDER, Memory
from byway.negotiation.choice import excluded, may_replace, tells
from byway.negotiation.memory import RETRY_AGE

HERE = "https://example.org"


@pytest.mark.parametrize(
    ("transport", "order", "missing"),
    [
        ("poll", DEFAULT_ORDER, ()),
        ("websocket", ["websocket"], ()),
        ("poll", ["poll"], ("websocket", "stream", "sse")),
        ("poll", ["stream", "poll"], ("websocket", "sse")),
        ("poll", ["poll", "websocket"], ("websocket", "stream", "sse")),
        ("sse", ["websocket", "stream", "sse"], ()),
        ("carrier-pigeon", ["poll"], ()),
        ("poll", ["websocket"], ("websocket", "stream", "sse")),  # a server's choice
    ],
)
def test_what_was_not_tried_by_choice(
    transport: str, order: list[str], missing: tuple[str, ...]
) -> None:
    assert excluded(transport, order) == missing


@pytest.mark.parametrize(
    ("before", "skipped", "now", "order", "replaced"),
    [
        ("websocket", (), "poll", ["poll"], False),
        ("websocket", (), "poll", DEFAULT_ORDER, True),
        ("poll", (), "stream", ["stream"], False),  # it may work, and be slow
        ("poll", ("websocket",), "websocket", ["websocket"], True),
        ("poll", (), "websocket", DEFAULT_ORDER, True),
    ],
)
def test_what_may_be_overwritten(
    before: str, skipped: tuple[str, ...], now: str, order: list[str], replaced: bool
) -> None:
    assert may_replace(before, skipped, now, order) is replaced


def test_a_memory_tells_those_who_may_try_no_more() -> None:
    skipped = ("websocket", "sse")
    assert tells(skipped, ["stream", "poll"])
    assert not tells(skipped, DEFAULT_ORDER)
    assert tells((), DEFAULT_ORDER)


class Clock:
    """A clock that stands still until told otherwise."""

    now = 1e9

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_session_that_is_limited_leaves_a_better_memory_alone() -> None:
    memory = Memory()
    memory.keep(HERE, "websocket", 0.1, settled=True)
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    found = memory.recall(HERE)
    assert found is not None
    assert (found.transport, found.excluded) == ("websocket", ())


def test_where_there_is_none_it_says_what_it_did_not_try() -> None:
    memory = Memory()
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    found = memory.recall(HERE)
    assert found is not None
    assert found.excluded == ("websocket", "stream", "sse")
    # Another that may try more adds what it found out, and none takes it back.
    memory.keep(HERE, "poll", 0.1, settled=True, order=["stream", "poll"])
    found = memory.recall(HERE)
    assert found is not None
    assert found.excluded == ("websocket", "sse")
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    assert memory.recall(HERE) == found
    memory.keep(HERE, "poll", 0.1, settled=True)
    found = memory.recall(HERE)
    assert found is not None
    assert found.excluded == ()


def test_what_the_earlier_session_was_not_allowed_to_try_is_news() -> None:
    memory = Memory()
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    memory.keep(HERE, "websocket", 0.1, settled=True, order=["websocket"])
    found = memory.recall(HERE)
    assert found is not None
    assert found.transport == "websocket"


def test_it_does_not_put_off_the_next_try_of_what_is_better() -> None:
    clock = Clock()
    memory = Memory(clock=clock, jitter=lambda low, high: 1.0)
    memory.keep(HERE, "poll", 0.1, settled=True)
    clock.now += RETRY_AGE
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    found = memory.recall(HERE)
    assert found is not None
    assert memory.due(found)


async def test_it_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = Memory(path)
    memory.keep(HERE, "poll", 0.1, settled=True, order=["poll"])
    await memory.flush()
    found = Memory(path).recall(HERE)
    assert found == memory.recall(HERE)
    # One of an earlier release says nothing of it.
    path.write_text(path.read_text().replace('"excluded"', '"unknown"'))
    found = Memory(path).recall(HERE)
    assert found is not None
    assert found.excluded == ()
