"""The element of `byway.browser.tag()` works in a page that allows nothing but its own scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import byway.browser
from tests.support.browsers.page import Browser
from tests.support.servers import Server, uvicorn


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve the page and the module."""
    with uvicorn("tests.apps.module_app:app") as one:
        yield one


@pytest.mark.parametrize("name", byway.browser.FILES)
async def test_a_page_with_a_strict_policy_gets_it_in_the_place_of_websocket(
    browser: Browser, server: Server, name: str
) -> None:
    mark = server.log.mark()
    page = await browser.open(server.url(f"/?name={name}"))
    page.expect("WebSocket")  # of WebKit, in whose eyes `'self'` is no WebSocket
    told = await server.log.seen(r"told (\S+) by", since=mark)
    assert told[1] == "byway-hello"


async def test_a_classic_script_gives_the_class_to_scripts_without_modules(
    browser: Browser, server: Server
) -> None:
    page = await browser.open(server.url("/?name=byway.js"))
    page.expect("WebSocket")  # as above
    found = await page.evaluate(
        """async (source) => {
          const before = WebSocket
          const element = Object.assign(document.createElement("script"), { src: source })
          await new Promise((resolve, reject) => {
            Object.assign(element, { onload: resolve, onerror: reject })
            document.head.append(element)
          })
          const { BywaySocket } = globalThis.byway
          const socket = new BywaySocket("/echo", [], { transports: "stream", memory: false })
          const told = await new Promise((resolve) => {
            socket.onopen = () => socket.send("hello")
            socket.onmessage = ({ data }) => resolve(data)
            socket.onclose = () => resolve(socket.report())
          })
          socket.close()
          return [told, socket.transport, Object.keys(globalThis.byway), WebSocket === before]
        }""",
        "/byway/byway.global.js",
    )
    assert found == ["hello", "stream", ["BywaySocket"], True]
