"""A URL with a user and a password, which `fetch` refuses: they go along, nothing shows them."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.codes import code
from tests.browser.engines import only
from tests.support.browsers.page import Browser, Page
from tests.support.servers import Server, uvicorn

OPEN = """async (url, options, more) => {
  const { BywaySocket } = await import("/byway.js")
  const socket = new BywaySocket(url, [], { transports: "stream", memory: false, ...options })
  globalThis.socket = socket
  const told = await new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data)
    socket.onclose = ({ code }) => resolve(code)
  })
  return { told, url: socket.url, report: socket.report() }
}"""

MOVED = """async (way) => {
  while (socket.transport !== way) {
    await new Promise((resolve) => socket.addEventListener("transport", resolve, { once: true }))
  }
  return socket.report().plain
}"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    """Serve the same to pages of every origin."""
    with uvicorn("tests.apps.browser_app:shared") as server:
        yield server


def with_user(server: Server, path: str, user: str = "user:p%40ss") -> str:
    """Return a WebSocket's address with a user in it."""
    return server.url(path, scheme="ws").replace("//", f"//{user}@")


async def opened(page: Page, url: str, **options: Any) -> dict[str, Any]:
    """Open a socket and return what it was told first, its close code if it was told nothing."""
    async with asyncio.timeout(15):
        found: dict[str, Any] = await page.evaluate(OPEN, url, options)
        return found


@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll"])
async def test_they_go_along_to_another_origin(
    browser: Browser, byway_pages: Server, elsewhere: Server, transport: str
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    url = with_user(elsewhere, "/basic?a=b")
    found = await opened(page, url, transports=transport)
    assert found["told"] == "user:p@ss"
    assert found["url"] == url
    assert found["report"]["url"] == elsewhere.url("/basic?a=b", scheme="ws")
    assert found["report"]["transports"] == [{"transport": transport, "verdict": "in use"}]
    assert not found["report"]["plain"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("us%C3%A9r:p%C3%A4%3A%E2%82%AC", "usér:pä:€"),
        ("üser:pass", "üser:pass"),
        ("user", "user:"),
        (":pass", ":pass"),
        # What is no code of a byte stands for itself (URL Standard, section 1.3).
        ("user:100%:%u0041%zz%2f", "user:100%:%u0041%zz/"),
    ],
)
async def test_they_are_sent_as_utf_8(
    browser: Browser, byway_pages: Server, given: str, sent: str
) -> None:
    page = await browser.open(byway_pages.url())
    found = await opened(page, with_user(byway_pages, "/basic", given))
    assert found["told"] == sent


async def test_an_empty_user_is_none(
    browser: Browser, byway_pages: Server, elsewhere: Server
) -> None:
    """It is another origin, as of its own a browser asks whoever sits there, in a dialog."""
    page = await browser.open(byway_pages.url())
    page.expect("")
    found = await opened(page, with_user(elsewhere, "/basic", ":"))
    assert found["told"] == 1006
    assert code(found["report"]["failure"]) == "REFUSED"
    assert "401" in found["report"]["failure"]


@pytest.mark.parametrize("name", ["authorization", "Authorization"])
async def test_a_header_of_ones_own_wins(browser: Browser, byway_pages: Server, name: str) -> None:
    page = await browser.open(byway_pages.url())
    own = f"Basic {b64encode(b'somebody:else').decode()}"
    found = await opened(page, with_user(byway_pages, "/basic"), headers={name: own})
    assert found["told"] == "somebody:else"


async def test_a_session_that_opened_over_http_moves_on(
    browser: Browser, byway_pages: Server
) -> None:
    """By default, where the server asks for them as soon as the first handshake comes without."""
    page = await browser.open(byway_pages.url())
    page.expect("")
    found = await opened(
        page, with_user(byway_pages, "/basic"), transports="websocket, stream, poll"
    )
    assert found["told"] == "user:p@ss"
    async with asyncio.timeout(15):
        assert await page.evaluate(MOVED, "websocket") is False


async def test_nothing_shows_the_password(
    browser: Browser, byway_pages: Server, elsewhere: Server
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    url = with_user(elsewhere, "/basic", "user:other")
    found = await opened(page, url, transports="stream, sse, poll")
    assert found["told"] == 1006
    assert code(found["report"]["failure"]) == "REFUSED"
    assert "401" in found["report"]["failure"]
    script = """async (url) => {
      const { BywaySocket } = await import("/byway.js")
      try {
        new BywaySocket(url)
      } catch (error) {
        return `${error}`
      }
    }"""
    wrong = await page.evaluate(script, f"{url}#part")
    assert wrong.startswith("SyntaxError")
    nobody = url.replace(str(elsewhere.port), "9")
    dead = await opened(page, nobody, transports="stream, websocket", openTimeout=0.5)
    assert dead["told"] == 1006
    shown = [wrong, json.dumps(found["report"]), json.dumps(dead["report"])]
    assert not [one for one in [*shown, *elsewhere.log.since(0)] if "other" in one]


@only("chromium", "firefox")
async def test_a_page_whose_own_address_has_them(browser: Browser, byway_pages: Server) -> None:
    """Addresses that are relative to it have them too, in which `fetch` fails there."""
    page = await browser.open(byway_pages.url().replace("//", "//user:p%40ss@"))
    page.expect("")
    found = await opened(page, "/basic")
    assert found["told"] == "user:p@ss"
