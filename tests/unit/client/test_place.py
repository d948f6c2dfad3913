"""The place of a session: what it recalls, and what it keeps."""

from __future__ import annotations

import httpx
import pytest

from byway.client import place
from byway.client.place import Place
from byway.negotiation import Memory

URL = httpx.URL("https://user:secret@app.example:8443/chat?token=secret")
PROXY = "http://name:secret@proxy.example:3128"


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set where the machine is."""
    found = ["from 192.0.2.7"]
    monkeypatch.setattr(place, "route", lambda: found[-1])
    return found


def test_a_place_is_named_without_secrets_and_without_the_path() -> None:
    memory = Memory()
    Place(URL, PROXY, memory).keep("sse", 0.1, settled=True, age=1)
    assert memory.places == (
        "https://app.example:8443 via http://proxy.example:3128 from 192.0.2.7",
    )


def test_the_next_session_recalls_what_the_last_one_kept() -> None:
    memory = Memory()
    first = Place(URL, None, memory)
    assert first.remembered is None
    first.keep("sse", 0.1, settled=True, age=1)
    second = Place(URL, None, memory)
    assert second.remembered is not None
    assert second.remembered.transport == "sse"
    assert not second.retry
    assert Place(URL, PROXY, memory).remembered is None


def test_only_news_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    kept: list[str] = []
    monkeypatch.setattr(memory, "keep", lambda place, transport, *_, **__: kept.append(transport))
    one = Place(URL, None, memory)
    for _ in range(3):
        one.keep("sse", 0.1, settled=False, age=1)
    one.keep("sse", 0.1, settled=True, age=1)
    one.keep("stream", 0.1, settled=True, age=1)
    assert kept == ["sse", "sse", "stream"]


def test_a_heartbeat_is_kept_once_it_has_shown_that_it_helps() -> None:
    memory = Memory()
    one = Place(URL, None, memory)
    one.silence.cut(4.0, 10.0)
    one.silence.cut(4.0, 10.0)
    one.keep("sse", 0.1, settled=True, age=5)
    before = Place(URL, None, memory).silence.heartbeat
    one.keep("sse", 0.1, settled=True, age=9)
    assert (before, Place(URL, None, memory).silence.heartbeat) == (None, 2.0)


def test_another_address_is_another_place_and_none_is_not(address: list[str]) -> None:
    memory = Memory()
    one = Place(URL, None, memory)
    one.keep("sse", 0.1, settled=True, age=1)
    moved = []
    for now in ("from 192.0.2.7", "", "from 192.0.2.7", "from 198.51.100.7"):
        address.append(now)
        moved.append(one.moved())
    assert moved == [False, False, False, True]
    one.keep("sse", 0.1, settled=True, age=1)
    assert len(memory.places) == 2
    one.forget()
    assert len(memory.places) == 1


def test_without_a_memory_nothing_is_kept() -> None:
    one = Place(URL, None, None)
    one.keep("sse", 0.1, settled=True, age=1)
    one.forget()
    assert Place(URL, None, None).remembered is None
