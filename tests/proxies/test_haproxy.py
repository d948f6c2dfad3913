"""The case that this project comes from: HAProxy with HTTP/2, behind which the WebSocket failed.

The advice was to clamp HAProxy to HTTP/1.1, or to give up traffic both ways. Here nothing is
clamped. bareASGI's example answers the Python client, Chromium and Firefox: over a WebSocket where
HAProxy lets it pass, and over streaming and server-sent events where it is refused.
"""

from __future__ import annotations

from typing import Any

import pytest

import byway
from tests.browser.engines import only
from tests.proxies.pages import load, talk
from tests.proxies.variants import BY_NAME
from tests.proxies.world import World
from tests.support.browsers.page import Browser

EXAMPLE = "/websocket_handler"
"""Where examples/bareasgi_websocket.py answers."""

OPEN = ("haproxy/tls", "haproxy/http2")
"""`alpn h2,http/1.1` before uvicorn, and HTTP/2 from end to end before Hypercorn."""

BLOCKED = ("haproxy/blocked", "haproxy/blocked-http2")
"""The same, but that every WebSocket is answered 403 after HTTP/2 has offered it."""

browsers = only("chromium", "firefox")


async def ask(world: World, name: str, path: str, words: str, **options: Any) -> tuple[str, str]:
    """Let the Python client say one thing; return the transport and the answer."""
    way = world.way(BY_NAME[name])
    connecting = byway.connect(way.url(path), memory=False, **way.options(), **options)
    async with connecting as channel:
        if words:
            await channel.send(words)
        return str(channel.transport), str(await channel.receive())


@pytest.mark.parametrize("name", OPEN)
async def test_bareasgis_example_answers_python_over_websocket(proxies: World, name: str) -> None:
    said = await ask(proxies, name, EXAMPLE, "hello")
    assert said == ("websocket", "You said: hello")


@pytest.mark.parametrize("transports", ["websocket, stream", "websocket, sse"])
@pytest.mark.parametrize("name", BLOCKED)
async def test_bareasgis_example_answers_python_where_the_websocket_is_blocked(
    proxies: World, name: str, transports: str
) -> None:
    said = await ask(proxies, name, EXAMPLE, "hello", transports=transports)
    assert said == (transports.split(", ")[1], "You said: hello")


@browsers
@pytest.mark.parametrize("name", OPEN)
async def test_bareasgis_example_answers_pages_over_websocket(
    browser: Browser, proxies: World, name: str
) -> None:
    way = proxies.way(BY_NAME[name])
    page = await load(browser, way.url("/"), way.variant.origin)
    before = way.proxy.program.log.mark()
    told = await talk(page, way, EXAMPLE, "hello")
    assert (told["transport"], told["answer"]) == ("websocket", "You said: hello"), told
    assert told["protocol"] == "h2"
    # RFC 8441: the WebSocket is a stream of the page's own connection.
    await way.proxy.program.log.seen(rf' (101|200) .*{EXAMPLE} HTTP/2.0"', since=before)


@browsers
@pytest.mark.parametrize("transport", ["stream", "sse"])
@pytest.mark.parametrize("name", BLOCKED)
async def test_bareasgis_example_answers_pages_where_the_websocket_is_blocked(
    browser: Browser, proxies: World, name: str, transport: str
) -> None:
    way = proxies.way(BY_NAME[name])
    page = await load(browser, way.url("/"), way.variant.origin)
    before = way.proxy.program.log.mark()
    told = await talk(page, way, EXAMPLE, "hello", transports=f"websocket, {transport}")
    assert (told["transport"], told["answer"]) == (transport, "You said: hello"), told
    assert told["protocol"] == "h2"
    await way.proxy.program.log.seen(rf' 403 .*{EXAMPLE} HTTP/2.0"', since=before)


@pytest.mark.parametrize(
    ("name", "transport", "version"),
    [
        ("haproxy/tls", "websocket", "HTTP/1.1"),
        ("haproxy/http2", "websocket", "HTTP/2"),
        ("haproxy/http2", "stream", "HTTP/2"),
    ],
)
async def test_which_version_the_origin_is_asked_in(
    proxies: World, name: str, transport: str, version: str
) -> None:
    assert await ask(proxies, name, "/version", "", transports=transport) == (transport, version)
