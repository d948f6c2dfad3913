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
