"""A page where what is better by name is slower in fact, and what it remembers of networks."""

from __future__ import annotations

import pytest

from byway.testing import Latency, Network
from tests.browser.engines import only
from tests.support.browsers.page import Browser
from tests.support.servers import Server

NEAR = Latency(ms=20)

OPEN = """async (url, options = {}) => {
  const { BywaySocket } = await import("/byway.js")
  const socket = window.socket = new BywaySocket(url, [], options)
  window.moves = []
  window.heard = 0
  socket.ontransport = ({ detail }) => moves.push(detail)
  socket.onmessage = () => heard++
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onclose = () => reject(new Error(JSON.stringify(socket.report())))
  })
  return socket.transport
}"""

UNTIL = """async (condition, seconds) => {
  const wanted = new Function(`return ${condition}`)
  const until = performance.now() + seconds * 1000
  while (!wanted() && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return moves
}"""

REMEMBER = """() => {
  const worked = { transport: "stream", seconds: 5, since: Date.now() / 1000 }
  localStorage.byway = JSON.stringify({ [location.origin]: worked })
}"""

# The close event comes when both sides have closed.
CLOSE = """async () => {
  const began = performance.now()
  const closed = new Promise((resolve) => (socket.onclose = resolve))
  socket.close()
  const { wasClean } = await closed
  return [wasClean, (performance.now() - began) / 1000]
}"""


@only("chromium")
async def test_a_page_that_began_on_a_slow_stream_leaves_it_for_good(
    browser: Browser, byway_pages: Server
) -> None:
    async with Network(byway_pages.port, "flush-2s", NEAR) as network:
        page = await browser.open(network.url)
        page.expect("")
        await page.evaluate(REMEMBER)
        assert await page.evaluate(OPEN, f"{network.ws_url}/echo") == "stream"
        moves = await page.evaluate(UNTIL, "moves.at(-1) === 'poll'", 20)
        assert moves == ["stream", "poll"]
        # The better one is still there for a while, and does not come back.
        slow = "socket.report().transports[1].verdict === 'slow'"
        assert await page.evaluate(UNTIL, slow, 10) == moves
        assert await page.evaluate(f"() => {slow}")
        assert await page.evaluate(UNTIL, "moves.length > 2", 2) == moves
        kept = await page.evaluate(
            "() => JSON.parse(localStorage.byway)[location.origin].transport"
        )
        assert kept == "poll"


@only("chromium")
async def test_a_page_that_was_busy_moves_when_it_falls_quiet(
    browser: Browser, byway_pages: Server
) -> None:
    async with Network(byway_pages.port, "one-behind", NEAR) as network:
        page = await browser.open(network.url)
        page.expect("")
        url = f"{network.ws_url}/chatter"
        assert await page.evaluate(OPEN, url, {"memory": False}) == "stream"
        await page.evaluate(UNTIL, "heard > 100", 10)
        await page.evaluate("() => socket.send('quiet')")
        assert await page.evaluate(UNTIL, "moves.length > 1", 10) == ["stream", "poll"]
        clean, _ = await page.evaluate(CLOSE)
        assert clean


@only("chromium")
async def test_a_page_does_not_wait_for_a_heartbeat_to_close(
    browser: Browser, byway_pages: Server
) -> None:
    async with Network(byway_pages.port, "one-behind", NEAR) as network:
        page = await browser.open(network.url)
        page.expect("")
        url = f"{network.ws_url}/chatter"
        assert await page.evaluate(OPEN, url, {"memory": False}) == "stream"
        await page.evaluate(UNTIL, "heard > 50", 10)
        clean, seconds = await page.evaluate(CLOSE)
        assert clean
        assert seconds < 5


@only("chromium")
@pytest.mark.parametrize("rules", ["slow-3g", "rtt-100"])
async def test_on_a_long_way_a_page_keeps_what_it_prefers(
    browser: Browser, byway_pages: Server, rules: str
) -> None:
    async with Network(byway_pages.port) as network:
        page = await browser.open(network.url)
        page.expect("")
        await page.evaluate("async () => await import('/byway.js')")
        network.use(rules)
        await page.evaluate(OPEN, f"{network.ws_url}/echo", {"memory": False})
        await page.evaluate("() => socket.send('hello')")
        moves = await page.evaluate(UNTIL, "moves.length > 9", 8)
        assert moves[-1] == "websocket"
        assert moves.count("websocket") == 1


@only("chromium")
async def test_a_socket_limited_to_one_transport_says_nothing_of_the_others(
    browser: Browser, byway_pages: Server
) -> None:
    async with Network(byway_pages.port) as network:
        page = await browser.open(network.url)
        page.expect("")
        url = f"{network.ws_url}/echo"
        used = []
        for options in ({}, {"transports": "poll"}, {}):
            await page.evaluate(OPEN, url, options)
            await page.evaluate("() => socket.send('hello')")
            await page.evaluate(UNTIL, "heard && localStorage.byway", 10)
            used.append(await page.evaluate("() => moves"))
            await page.evaluate(CLOSE)
        assert used == [["websocket"], ["poll"], ["websocket"]]
