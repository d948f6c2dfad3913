"""What happens to a page happens to its sockets: sleep, other pages, other tabs, other networks."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from byway.testing import Network
from tests.browser.engines import needs, only
from tests.support.browsers.page import FREEZE, OFFLINE, Browser, Page
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server, uvicorn

OPEN = """async (url, options) => {
  const { BywaySocket } = await import("/byway.js")
  const socket = window.socket = new BywaySocket(url, [], { memory: false, ...options })
  window.seen = []
  socket.addEventListener("message", ({ data }) => seen.push(data))
  socket.addEventListener("error", () => seen.push("error"))
  socket.addEventListener("close", ({ code }) => seen.push(`close ${code}`))
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve)
    socket.addEventListener("close", () => reject(new Error(JSON.stringify(socket.report()))))
  })
  return socket.transport
}"""

BEGIN = f"""async (url) => {{
  ({OPEN})(url, {{}}).catch(() => {{}})
}}"""

# A page that has just given its connection to another has no transport for a moment.
OPENED = """async () => {
  const until = performance.now() + 12000
  const used = () => window.socket?.readyState === 1 ? socket.transport : null
  while (!used() && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return used()
}"""

TABS = 8
"""More than a browser has connections to a host."""

# Said in one task, so that a test can go on while the answer is on its way.
SAY = "(word) => socket.send(word)"

HEAR = """async (word) => {
  const until = performance.now() + 12000
  while (!seen.includes(word) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return seen
}"""


async def echoes(page: Page, word: str) -> list[str]:
    """Send a word and return all that was heard until it came back."""
    await page.evaluate(SAY, word)
    heard: list[str] = []
    for _ in range(3):  # a browser's command may not last for long
        heard = await page.evaluate(HEAR, word)
        if word in heard:
            break
    return heard


async def used_by(page: Page) -> str:
    """Wait until a page's socket is open; return its transport."""
    used: str | None = None
    for _ in range(4):  # a browser's command may not last for long
        used = used or await page.evaluate(OPENED)
    assert used
    return used


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_away_and_back(browser: Browser, server: Server, transport: str) -> None:
    page = await browser.open(server.url())
    page.expect("")  # of connections that end with the page
    await page.evaluate(OPEN, server.url("/echo", scheme="ws"), {"transports": [transport]})
    assert await echoes(page, "before") == ["before"]
    await page.evaluate(SAY, "on its way")
    await page.goto(server.url("/other"))
    await page.back()
    if not await page.evaluate("() => Boolean(window.seen)"):
        assert browser.name == "firefox", "the others keep a page whose connections have ended"
        return
    assert await echoes(page, "after") == ["before", "on its way", "after"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_server_hears_at_once_that_a_page_is_gone(
    browser: Browser, server: Server, transport: str
) -> None:
    await browser.open(server.url())  # WebKit ends with its last tab
    page = await browser.open(server.url())
    page.expect("")
    name = f"{browser.name}-{uuid4().hex}"
    url = server.url(f"/heard?id={name}", scheme="ws")
    await page.evaluate(OPEN, url, {"transports": [transport]})
    if browser.name == "firefox":
        # Closed by command, its tabs end without a last word; a page loaded again has one.
        await page.evaluate("() => setTimeout(() => location.reload())")
    else:
        await page.close()
    left = await server.log.seen(rf"{name} left with (\d+)")
    assert left[1] == "1001"


@needs(FREEZE)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_frozen_for_longer_than_two_heartbeats(
    browser: Browser, server: Server, transport: str
) -> None:
    page = await browser.open(server.url())
    page.expect("")
    await page.evaluate(OPEN, server.url("/echo", scheme="ws"), {"transports": [transport]})
    assert await echoes(page, "before") == ["before"]
    await page.freeze()
    await asyncio.sleep(3)  # nothing says when a carrier of a frozen page has died
    await page.thaw()
    assert await echoes(page, "after") == ["before", "after"]


@needs(OFFLINE)
async def test_offline_and_online_again(browser: Browser, server: Server) -> None:
    async with Network(server.port) as network:
        page = await browser.open(network.url)
        page.expect("")
        await page.evaluate(OPEN, f"{network.ws_url}/echo", {})
        assert await echoes(page, "before") == ["before"]
        await page.offline(True)
        network.block()
        network.kill_connections()
        await page.evaluate(SAY, "meanwhile")
        await asyncio.sleep(3)  # some rounds in vain
        network.heal()
        await page.offline(False)
        assert await echoes(page, "after") == ["before", "meanwhile", "after"]


async def test_what_worked_is_remembered(browser: Browser, server: Server) -> None:
    async with Network(server.port, "black-hole") as network:
        page = await browser.open(network.url)
        page.expect("")
        url = f"{network.ws_url}/echo"
        assert await page.evaluate(OPEN, url, {"memory": True}) == "stream"
        await echoes(page, "settled")
        await page.evaluate(
            """async () => {
              while (!localStorage.byway) await new Promise((resolve) => setTimeout(resolve, 10))
            }"""
        )
        other = await browser.open(network.url)
        other.expect("")
        before = len([one for one in network.requests if one.upgrade])
        assert await other.evaluate(OPEN, url, {"memory": True}) == "stream"
        await echoes(other, "at once")
        assert len([one for one in network.requests if one.upgrade]) == before
        await other.evaluate("() => { localStorage.byway = '{\"corrupt' }")
        third = await browser.open(network.url)
        third.expect("")
        assert await third.evaluate(OPEN, url, {"memory": True}) == "stream"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("profile", ["refuse-403", "refuse-403-buffered"])
@only("chromium", "firefox")
async def test_many_tabs_leave_connections_to_each_other(
    browser: Browser, server: Server, profile: str
) -> None:
    """A browser has six connections to a host, on HTTP/1.1."""
    async with Network(server.port, profile) as network:
        pages = [await browser.open(network.url) for _ in range(TABS)]
        for page in pages:
            page.expect("")
        url = f"{network.ws_url}/echo"
        await asyncio.gather(*(page.evaluate(BEGIN, url) for page in pages))
        used = await asyncio.gather(*(used_by(page) for page in pages))
        assert set(used) <= {"stream", "sse", "poll"}
        for word in ("one", "two"):
            heard = await asyncio.gather(*(echoes(page, word) for page in pages))
            assert [one[-1] for one in heard] == [word] * len(pages)
        async with asyncio.timeout(10):
            await pages[-1].evaluate("async () => (await fetch('/other')).text()")
        for page in pages[:5]:
            await page.close()
        for page in pages[5:]:
            assert (await echoes(page, "three"))[-1] == "three"


async def test_cookies_and_subprotocols_go_to_another_origin_that_allows_them(
    browser: Browser, server: Server
) -> None:
    with uvicorn("tests.apps.browser_app:shared") as other:
        page = await browser.open(server.url())
        page.expect("CORS request did not succeed")  # once the other server has stopped
        await page.evaluate("() => { document.cookie = 'who=me' }")  # of the host, with any port
        url = other.url("/cookie", scheme="ws")
        for transport in TRANSPORTS:
            await page.evaluate(OPEN, url, {"transports": [transport]})
            assert await page.evaluate(HEAR, "who=me") == ["who=me"], transport
        await page.evaluate(OPEN, url, {"transports": ["poll"], "credentials": "omit"})
        assert await page.evaluate(HEAR, "") == [""]


async def test_a_server_that_does_not_allow_the_page_is_not_reached(
    browser: Browser, server: Server, byway_pages: Server
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    mark = server.log.mark()
    report = await page.evaluate(
        """async (url) => {
          const { BywaySocket } = await import("/byway.js")
          const socket = new BywaySocket(url, [], { memory: false, openTimeout: 8 })
          return new Promise((resolve) => {
            socket.onclose = ({ code }) => resolve([code, socket.report().failure])
          })
        }""",
        # Of an Endpoint: what a middleware has inside judges plain WebSockets by itself.
        server.url("/counted?count=1&seconds=1", scheme="ws"),
    )
    assert report[0] == 1006
    assert not [one for one in server.log.since(mark) if "opened at" in one]


@pytest.mark.parametrize(
    ("policy", "used"),
    [
        (
            "default-src 'self'; img-src data:; script-src 'self' 'unsafe-eval' 'unsafe-inline'",
            "websocket",
        ),
        ("script-src * 'unsafe-inline' 'unsafe-eval'; connect-src http:", "stream"),
    ],
)
async def test_a_content_security_policy(
    browser: Browser, server: Server, policy: str, used: str
) -> None:
    page = await browser.open(server.url(f"/policed?csp={policy}".replace(" ", "%20")))
    page.expect("")
    # Of `'self'` WebKit has only lately thought that it means WebSockets too.
    allowed = {used, "stream"} if browser.name == "webkit" else {used}
    assert await page.evaluate(OPEN, server.url("/echo", scheme="ws"), {}) in allowed
    assert await echoes(page, "hello") == ["hello"]


async def test_one_element_puts_it_in_the_place_of_websocket(
    browser: Browser, server: Server
) -> None:
    element = "<script type=module src='/byway.js?install'></script>"
    path = f"/policed?csp=default-src%20*%20data:%20'unsafe-eval'&markup={element}".replace(
        "'", "%27"
    )
    page = await browser.open(server.url(path.replace("<", "%3C").replace(" ", "%20")))
    name = await page.evaluate(
        """async () => {
          const isThere = () => "ontransport" in WebSocket.prototype
          while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 10))
          return WebSocket.name
        }"""
    )
    assert name == "WebSocket"
