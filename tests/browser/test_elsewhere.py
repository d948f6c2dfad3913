"""A page whose API is at another origin, which nobody has allowed, is told so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from byway.testing import Network
from tests.browser.codes import code
from tests.browser.engines import only
from tests.support.browsers.page import Browser
from tests.support.servers import Server, uvicorn

RUN: Final = """async (urls, options) => {
  const { BywaySocket } = await import("/byway.js")
  const warned = []
  const told = []
  console.warn = (...words) => warned.push(words.join(" "))
  for (const url of urls) {
    const socket = new BywaySocket(url, [], { memory: false, ...options })
    const ended = new Promise((resolve) => (socket.onopen = socket.onclose = resolve))
    const { type, code } = await ended
    const echo = type === "open" && await new Promise((resolve) => {
      socket.onmessage = ({ data }) => resolve(data)
      socket.send("hello")
    })
    told.push({ type, code, echo, transport: socket.transport, report: socket.report() })
    socket.close()
  }
  return { told, warned }
}"""

pytestmark = [pytest.mark.timeout(90), only("chromium", "firefox")]


@pytest.fixture
def api() -> Iterator[Server]:
    """Serve an application behind the middleware, which allows no other origins."""
    with uvicorn("tests.apps.browser_app:app") as one:
        yield one


@pytest.fixture
def endpoint() -> Iterator[Server]:
    """Serve an endpoint, which judges plain WebSockets too."""
    with uvicorn("tests.apps.named_app:app") as one:
        yield one


async def run(browser: Browser, pages: Server, *urls: str, **options: Any) -> dict[str, Any]:
    """Open sockets from a page, one after the other."""
    page = await browser.open(pages.url())
    page.expect("")  # browsers complain of every connection that fails
    told: dict[str, Any] = await page.evaluate(RUN, urls, options)
    return told


async def test_a_plain_websocket_is_warned_of_once(
    browser: Browser, byway_pages: Server, api: Server
) -> None:
    url = api.url("/echo", scheme="ws")
    found = await run(browser, byway_pages, url, url)
    for one in found["told"]:
        assert (one["type"], one["echo"], one["transport"]) == ("open", "hello", "websocket"), one
        assert one["report"]["plain"] is True
    (warning,) = found["warned"]
    mine, theirs = byway_pages.url("").rstrip("/"), api.url("").rstrip("/")
    for text in (warning, *(one["report"]["failure"] for one in found["told"])):
        assert mine in text
        assert theirs in text
        assert "origins" in text
    (line,) = [one for one in api.log.lines if f"pages of {mine}" in one]
    assert line.startswith("WARNING byway.server: refused ")
    assert f'origins=["{mine}"]' in line


async def test_who_would_rather_fail_is_told_why(
    browser: Browser, byway_pages: Server, api: Server
) -> None:
    url = api.url("/echo", scheme="ws")
    found = await run(browser, byway_pages, url, plain=False, openTimeout=3)
    (one,) = found["told"]
    assert (one["type"], one["code"]) == ("close", 1006)
    assert "origins" in one["report"]["failure"]
    assert one["report"]["plain"] is False
    assert len(found["warned"]) == 1
    accepted = [line for line in api.log.lines if '"WebSocket /echo" [accepted]' in line]
    assert not accepted, "no plain WebSocket was opened"


async def test_an_endpoint_takes_no_plain_websocket_and_the_page_is_told_why(
    browser: Browser, byway_pages: Server, endpoint: Server
) -> None:
    found = await run(browser, byway_pages, endpoint.url("/echo", scheme="ws"), openTimeout=3)
    (one,) = found["told"]
    assert (one["type"], one["code"]) == ("close", 1006)
    assert "origins" in one["report"]["failure"]
    assert len(found["warned"]) == 1


async def test_an_origin_that_is_allowed_is_not_warned_of(
    browser: Browser, byway_pages: Server
) -> None:
    with uvicorn("tests.apps.browser_app:shared") as api:
        found = await run(browser, byway_pages, api.url("/echo", scheme="ws"))
    (one,) = found["told"]
    assert (one["type"], one["echo"], one["report"]["plain"]) == ("open", "hello", False)
    assert one["report"]["failure"] is None
    assert found["warned"] == []


async def test_a_server_that_answers_nothing_is_no_mistake_of_an_origins(
    browser: Browser, byway_pages: Server
) -> None:
    async with Network(byway_pages.port) as network:
        network.block()
        found = await run(browser, byway_pages, f"{network.url}/echo", openTimeout=1)
    (one,) = found["told"]
    assert (one["type"], one["code"]) == ("close", 1006)
    assert code(one["report"]["failure"]) == "NOTHING_PASSES"
    assert found["warned"] == []


@pytest.mark.parametrize("plain", [True, False])
async def test_a_server_without_byway_is_no_mistake_of_an_origins(
    browser: Browser, plain_pages: Server, plain: bool
) -> None:
    url = plain_pages.url("/echo", scheme="ws")
    found = await run(browser, plain_pages, url, plain=plain, openTimeout=3)
    (one,) = found["told"]
    assert one["type"] == ("open" if plain else "close")
    # Firefox alone opens one whose offers nobody takes up.
    wanted = {"NO_BYWAY"} if plain else {"NO_BYWAY", "NOTHING_PASSES"}
    assert code(one["report"]["failure"]) in wanted
    assert found["warned"] == []
