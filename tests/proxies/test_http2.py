"""HTTP/2 in the Python client: its requests share one connection, its WebSocket has another."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack
from typing import Any

import pytest

import byway
from byway import ClientLimits
from byway.errors import CarrierLost
from byway.http_library import httpx
from byway.keys import new_key
from byway.runtime import LiveSession
from byway.transports.dial import Dial
from byway.transports.http2 import OwnProtocols
from tests.proxies.variants import BY_NAME
from tests.proxies.world import World
from tests.support.heads import forbidden, heads
from tests.support.line import line
from tests.support.numbered_client import NumberedSession

DIRECT = "direct to Hypercorn"

PLACES = (
    DIRECT,
    "haproxy/tls",
    "haproxy/http2",
    "nginx/http2",
    "apache/http2",
    "caddy/tls",
    "envoy/upgrades",
    "traefik/tls",
)


@pytest.fixture(autouse=True)
def http2_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it, as BYWAY_HTTP2=1 does."""
    monkeypatch.setattr("byway.transports.dial.WANTED", True)


def place(world: World, name: str) -> tuple[int, dict[str, Any]]:
    """Return a port where HTTP/2 is spoken, and the options to connect with."""
    if name == DIRECT:
        way = world.way(BY_NAME["haproxy/http2"])
        return way.origin.port, way.options()
    way = world.way(BY_NAME[name])
    return way.proxy.port, way.options()


def numbered(
    name: str, count: int, seconds: float, longest: int, transport: str, options: dict[str, Any]
) -> NumberedSession:
    """Return a session with the defaults that has to find its transport at once."""
    options = {**options, "limits": None}
    return NumberedSession(name, count, seconds, longest, transport, options, again=False)


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
@pytest.mark.parametrize("name", PLACES)
async def test_all_requests_of_a_session_share_one_connection(
    proxies: World, name: str, transport: str
) -> None:
    port, options = place(proxies, name)
    async with line(port) as wire:
        one = numbered(name, 150, 0.5, 50_000, transport, options)
        await one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=30.0)
        assert wire.accepted == 1
    assert one.transports == [transport]


@pytest.mark.parametrize("name", ["haproxy/http2", "nginx/http2"])
async def test_by_default_each_has_its_own(
    proxies: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("byway.transports.dial.WANTED", False)
    port, options = place(proxies, name)
    async with line(port) as wire:
        one = numbered(name, 100, 0.5, 50_000, "stream", options)
        await one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=30.0)
        assert wire.accepted > 1


ANSWERS = {
    DIRECT: [b"200"],
    "haproxy/tls": [b"200"],
    "haproxy/http2": [b"200"],
    "envoy/upgrades": [],
    "envoy/offered": [b"400"],
    "apache/http2": [b"200"],
    "nginx/http2": [],
    "caddy/tls": [],
    "traefik/tls": [],
}
"""How a WebSocket over HTTP/2 is answered, nothing where it is not offered."""


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_websocket_goes_over_http2_where_that_is_offered(
    proxies: World, name: str
) -> None:
    port, options = place(proxies, name)
    async with heads(port, proxies.authority) as wire:
        one = numbered(name, 150, 0.5, 50_000, "websocket", options)
        await one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=30.0)
    assert [dict(one)[b":status"] for one in wire.answers] == ANSWERS[name]
    # Where none came of it there is one over HTTP/1.1.
    assert len(wire.text) == (ANSWERS[name] != [b"200"])
    for head in wire.requests:
        assert dict(head)[b":protocol"] == b"websocket"
        assert forbidden(head) == []


async def test_what_apache_read_together_with_the_101_does_not_wait_for_a_heartbeat(
    proxies: World,
) -> None:
    """Without a PING among the first words, half of these wait for the server's next: 10 s."""
    port, options = place(proxies, "apache/http2")

    async def echo() -> None:
        async with byway.connect(
            f"https://127.0.0.1:{port}/echo",
            transports="websocket",
            memory=False,
            open_timeout=8.0,
            **options,
        ) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"

    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(echo())


async def test_a_websocket_over_http2_goes_through_a_forward_proxy(proxies: World) -> None:
    with ExitStack() as stack:
        way = proxies.new_way(BY_NAME["squid/tunnel"], stack, proxies.origin("hypercorn"))
        async with byway.connect(
            way.url("/version"), transports="websocket", memory=False, **way.options()
        ) as channel:
            assert await channel.receive() == "HTTP/2"


@pytest.mark.parametrize("name", PLACES)
async def test_neither_takes_the_other_s_protocols(proxies: World, name: str) -> None:
    port, options = place(proxies, name)
    for order in (("stream", "websocket"), ("websocket", "stream")):
        # With all the patience of the test: no busy machine makes the second of them win.
        preference = byway.Preference(order, patience={order[0]: 60.0})
        async with byway.connect(
            f"https://127.0.0.1:{port}/echo", transports=preference, memory=False, **options
        ) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            assert channel.transport == order[0]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll"])
async def test_a_session_survives_its_connection(proxies: World, transport: str) -> None:
    port, options = place(proxies, "haproxy/http2")
    async with line(port) as wire:
        one = numbered("cut", 300, 3.0, 50_000, transport, options)
        running = asyncio.create_task(
            one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=50.0)
        )
        await one.halfway.wait()
        wire.rst()
        await running
        assert wire.accepted >= 2


async def test_a_connection_that_failed_is_closed_with_its_last_request(proxies: World) -> None:
    port, options = place(proxies, DIRECT)
    dial = quiet_dial(port, options)
    live = LiveSession(dial.limits, name="test")

    async def ask(answer: str, number: int) -> None:
        """Attach a carrier, and read its answer to the end."""
        hello = dial.hello(live.attach(number, answer, ordered=False), answer, poll=1)
        async with dial.request(hello, "application/octet-stream") as response:
            opened.set()
            async for piece in response.aiter_raw():
                assert piece

    try:
        for number in (1, 3, 5):
            opened = asyncio.Event()
            dial.heartbeat = 0.2  # nothing is said for much longer
            impatient = asyncio.create_task(ask("stream", number))
            await opened.wait()
            first = dial._clients.current
            dial.heartbeat = 10.0
            patient = asyncio.create_task(ask("stream", number + 1))
            # The one takes the connection along, and so the other.
            for one in (impatient, patient):
                with pytest.raises(CarrierLost):
                    await one
            assert first.is_closed
            assert not dial._clients._left
    finally:
        await dial.aclose()
    assert dial._clients._current is None
    assert not dial._clients._asking


async def test_a_connection_that_is_left_lasts_as_long_as_its_last_request(proxies: World) -> None:
    port, options = place(proxies, DIRECT)
    dial = quiet_dial(port, options)
    live = LiveSession(dial.limits, name="test")
    hello = dial.hello(live.attach(1, "stream", ordered=True), "stream")
    clients = [dial._clients.current]

    def closed() -> list[bool]:
        return [one.is_closed for one in clients]

    async with dial.request(hello, "application/octet-stream"):
        await dial.renew()
        clients.append(dial._clients.current)
        assert clients[0] is not clients[1], "the next request has another connection"
        assert closed() == [False, False]
    assert closed() == [True, False]
    await dial.renew()
    assert closed() == [True, True], "nothing was asked over the other"
    await dial.aclose()


def quiet_dial(port: int, options: dict[str, Any]) -> Dial:
    """Return how a session dials in which nobody says a word."""
    return Dial(
        url=httpx.URL(f"https://127.0.0.1:{port}/quiet"),
        headers=[],
        ssl=options["ssl"],
        proxy=None,
        key=new_key(),
        subprotocols=(),
        limits=ClientLimits(),
        on_open=lambda opening, link, headers: None,
        on_plain=lambda socket: asyncio.sleep(0),
    )


def test_each_connection_offers_its_own_protocols() -> None:
    offered: list[list[str]] = []

    class Watched(ssl.SSLContext):
        def set_alpn_protocols(self, alpn_protocols: Any) -> None:
            offered.append(list(alpn_protocols))

    real = Watched(ssl.PROTOCOL_TLS_CLIENT)
    http, websocket = OwnProtocols(real), OwnProtocols(real)
    http.set_alpn_protocols(["http/1.1", "h2"])
    for one in (http, websocket, http):
        one.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    assert offered == [["http/1.1", "h2"], ["http/1.1"], ["http/1.1", "h2"]]
