"""The place of a session: what it recalls, and what it keeps."""

from __future__ import annotations

import pytest

from byway.client import network_path, route
from byway.client.network_path import NetworkPath
from byway.http_library import httpx
from byway.negotiation import Memory

URL = httpx.URL("https://user:secret@app.example:8443/chat?token=secret")
PROXY = "http://name:secret@proxy.example:3128"


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set where the machine is."""
    found = ["192.0.2.7"]
    monkeypatch.setattr(
        network_path, "own_addresses", lambda others: (found[-1],) if found[-1] else ()
    )
    monkeypatch.setattr(route, "own_addresses", lambda: ("192.0.2.7",))
    monkeypatch.setattr(network_path, "_known", {})
    return found


def test_a_place_is_named_without_secrets_and_without_the_path() -> None:
    memory = Memory()
    NetworkPath(URL, PROXY, memory).keep("sse", 0.1, settled=True, age=1)
    assert memory.places == (
        "https://app.example:8443 via http://proxy.example:3128 from 192.0.2.7",
    )


def test_the_next_session_recalls_what_the_last_one_kept() -> None:
    memory = Memory()
    first = NetworkPath(URL, None, memory)
    assert first.remembered is None
    first.keep("sse", 0.1, settled=True, age=1)
    second = NetworkPath(URL, None, memory)
    assert second.remembered is not None
    assert second.remembered.transport == "sse"
    assert not second.retry
    assert NetworkPath(URL, PROXY, memory).remembered is None


def test_only_news_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    kept: list[str] = []
    monkeypatch.setattr(memory, "keep", lambda place, transport, *_, **__: kept.append(transport))
    one = NetworkPath(URL, None, memory)
    for _ in range(3):
        one.keep("sse", 0.1, settled=False, age=1)
    one.keep("sse", 0.1, settled=True, age=1)
    one.keep("stream", 0.1, settled=True, age=1)
    assert kept == ["sse", "sse", "stream"]


def test_a_heartbeat_is_kept_once_it_has_shown_that_it_helps() -> None:
    memory = Memory()
    one = NetworkPath(URL, None, memory)
    one.silence.cut(4.0, 10.0)
    one.silence.cut(4.0, 10.0)
    one.keep("sse", 0.1, settled=True, age=5)
    before = NetworkPath(URL, None, memory).silence.heartbeat
    one.keep("sse", 0.1, settled=True, age=9)
    assert (before, NetworkPath(URL, None, memory).silence.heartbeat) == (None, 2.0)


def test_another_address_is_another_place_and_none_is_not(address: list[str]) -> None:
    memory = Memory()
    one = NetworkPath(URL, None, memory)
    one.keep("sse", 0.1, settled=True, age=1)
    moved = []
    for now in ("192.0.2.7", "", "192.0.2.7", "198.51.100.7"):
        address.append(now)
        moved.append(one.moved())
    assert moved == [False, False, False, True]
    one.keep("sse", 0.1, settled=True, age=1)
    assert len(memory.places) == 2
    one.forget()
    assert len(memory.places) == 1


def test_it_is_the_way_to_the_server_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel to the server alone changes nothing of the way to anywhere else."""
    routes = {"203.0.113.5": "192.0.2.7", "2001:db8::5": "2001:db8::7"}
    asked: list[tuple[str, ...]] = []

    def own(others: tuple[str, ...]) -> tuple[str, ...]:
        asked.append(others)
        return tuple(routes.get(one, "192.0.2.7") for one in others)

    monkeypatch.setattr(network_path, "own_addresses", own)
    memory = Memory()
    one = NetworkPath(URL, None, memory)
    assert asked == [route.FAR]  # nothing better is known yet
    one.reached(("203.0.113.5",))
    one.keep("stream", 0.1, settled=True, age=1)
    assert not one.moved()
    routes["203.0.113.5"] = "10.8.0.2"
    assert one.moved()
    one.keep("websocket", 0.1, settled=True, age=1)
    assert [name.split()[-1] for name in memory.places] == ["192.0.2.7", "10.8.0.2"]
    # The next session of this process begins where the last one was.
    assert (known := NetworkPath(URL, None, memory).remembered)
    assert known.transport == "websocket"


@pytest.mark.parametrize(
    ("url", "proxy", "asked"),
    [
        ("http://203.0.113.5/", None, ("203.0.113.5",)),
        ("https://[2001:db8::5]:8443/", None, ("2001:db8::5",)),
        ("http://203.0.113.5/", "http://u:p@198.51.100.9:3128", ("198.51.100.9",)),
        ("http://203.0.113.5/", "http://proxy.example:3128", route.FAR),
        ("http://203.0.113.5/", "http://127.0.0.1:3128", route.FAR),
        ("http://203.0.113.5/", "socks5://[::1]:1080", route.FAR),
        ("http://127.0.0.1/", None, ("127.0.0.1",)),
    ],
)
def test_an_address_in_the_url_is_the_one_that_is_asked_for(
    url: str, proxy: str | None, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def own(others: tuple[str, ...]) -> tuple[str, ...]:
        seen.append(others)
        return ("192.0.2.7",)

    monkeypatch.setattr(network_path, "own_addresses", own)
    NetworkPath(httpx.URL(url), proxy, None).moved()
    assert seen == [asked, asked]


def test_from_a_proxy_on_this_machine_the_way_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []

    def own(others: tuple[str, ...]) -> tuple[str, ...]:
        seen.append(others)
        return ("192.0.2.7",)

    monkeypatch.setattr(network_path, "own_addresses", own)
    one = NetworkPath(URL, "http://localhost:3128", None)
    one.reached(("127.0.0.1",))
    one.moved()
    assert seen == [route.FAR, route.FAR]
    one.reached(("127.0.0.1", "198.51.100.9"))
    assert seen[-1] == ("127.0.0.1", "198.51.100.9")


def test_so_many_addresses_are_known_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_path, "MAX_KNOWN", 2)
    for number in range(4):
        NetworkPath(httpx.URL(f"http://h{number}.example/"), None, None).reached(("203.0.113.5",))
    assert list(network_path._known) == ["http://h2.example", "http://h3.example"]


def test_without_a_memory_nothing_is_kept() -> None:
    one = NetworkPath(URL, None, None)
    one.keep("sse", 0.1, settled=True, age=1)
    one.forget()
    assert NetworkPath(URL, None, None).remembered is None
