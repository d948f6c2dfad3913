"""HTTP/2 in the Python client: its requests share one connection, its WebSocket has its own."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

import byway
from byway.transports.http2 import OwnProtocols
from tests.proxies.variants import BY_NAME
from tests.proxies.world import World
from tests.support.line import line
from tests.support.numbered_client import NumberedSession

DIRECT = "direct to Hypercorn"

PLACES = (DIRECT, "haproxy/tls", "haproxy/http2", "nginx/http2", "caddy/tls", "envoy/upgrades")


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


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
@pytest.mark.parametrize("name", PLACES)
async def test_all_requests_of_a_session_share_one_connection(
    proxies: World, name: str, transport: str
) -> None:
    port, options = place(proxies, name)
    async with line(port) as wire:
        one = NumberedSession(name, 150, 0.5, 50_000, transport, {**options, "limits": None})
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
        one = NumberedSession(name, 100, 0.5, 50_000, "stream", {**options, "limits": None})
        await one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=30.0)
        assert wire.accepted > 1


@pytest.mark.parametrize("name", PLACES)
async def test_the_websocket_beside_it_is_not_offered_http2(proxies: World, name: str) -> None:
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
@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_a_session_survives_its_connection(proxies: World, transport: str) -> None:
    port, options = place(proxies, "haproxy/http2")
    async with line(port) as wire:
        one = NumberedSession("cut", 300, 3.0, 50_000, transport, {**options, "limits": None})
        running = asyncio.create_task(
            one.run(f"https://127.0.0.1:{wire.port}/numbered", timeout=50.0)
        )
        await one.halfway.wait()
        wire.rst()
        await running
        assert wire.accepted >= 2


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
