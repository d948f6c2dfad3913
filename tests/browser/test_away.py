"""Pages whose server is not there, or not there yet."""

from __future__ import annotations

from typing import Any

import pytest

from byway.testing import FailWith, Network
from byway.testing.heads import Request
from byway.testing.plan import Fate, Plan, Rule
from tests.browser.codes import code
from tests.browser.engines import only
from tests.support.balancer import balancer
from tests.support.browsers.page import Browser, Engine
from tests.support.process import free_port
from tests.support.servers import Server, uvicorn

TRY = """async (url, options) => {
  const { BywaySocket } = await import("/byway.js")
  const began = performance.now()
  const socket = new BywaySocket(url, [], { memory: false, ...options })
  globalThis.tried = new Promise((resolve) => {
    const tell = (how) =>
      resolve({ how, took: (performance.now() - began) / 1000, ...socket.report() })
    socket.onopen = () => socket.send("hello")
    socket.onmessage = ({ data }) => {
      setTimeout(() => { tell(data); socket.close() }, 3000) // in which a better one is proven
    }
    socket.onclose = ({ code }) => tell(code)
  })
}"""

TOLD = "() => globalThis.tried"

browsers = only("chromium", "firefox")


async def told(page: Any, url: str, **options: Any) -> dict[str, Any]:
    """Open a socket, and return what became of it."""
    await page.evaluate(TRY, url, options)
    found: dict[str, Any] = await page.evaluate(TOLD)
    return found


class DropAll(Rule):
    """Reset every connection, as if nobody listened, but count what was tried."""

    def request(self, request: Request, plan: Plan) -> Plan:
        """Drop it."""
        return plan.decide(Fate.DROP, self)


@pytest.mark.parametrize("transports", [["stream"], ["poll"], ["websocket"], None])
async def test_a_port_without_a_listener_fails_soon_and_the_report_says_so(
    browser: Browser, byway_pages: Server, transports: list[str] | None
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    options = {"transports": transports} if transports else {}
    found = await told(page, f"ws://127.0.0.1:{free_port()}/echo", **options)
    assert found["how"] == 1006
    assert found["took"] < 10, "and not after the 20 s of openTimeout"
    assert code(found["failure"]) == "NO_SERVER"
    tried = {one["transport"]: one for one in found["transports"]}
    assert list(tried) == (transports or ["websocket", "stream", "sse", "poll"])
    for one in tried.values():
        assert one["verdict"] == "failed"
        assert one["why"]


@browsers
async def test_where_nothing_ever_answers_little_is_tried(
    browser: Browser, engine: Engine, byway_pages: Server
) -> None:
    async with Network(byway_pages.port, DropAll()) as network:
        page = await browser.open(byway_pages.url())
        page.expect("")
        found = await told(page, network.ws_url + "/echo", openTimeout=15)
        assert (found["how"], code(found["failure"])) == (1006, "NO_SERVER")
        upgrades = [one for one in network.requests if one.upgrade]
        # Firefox repeats by itself what is reset, a GET up to ten times.
        copies = 10 if engine.name == "firefox" else 2
        assert len(upgrades) <= 3 * copies
        knocks = [one for one in network.requests if one.method == "GET" and not one.upgrade]
        assert 1 <= len(knocks) <= copies


@browsers
@pytest.mark.parametrize("crossing", [False, True])
@pytest.mark.parametrize("transports", [None, "stream"])
async def test_a_page_that_comes_while_a_deploy_goes_on_opens_when_it_is_over(
    browser: Browser, byway_pages: Server, crossing: bool, transports: str | None
) -> None:
    """Of another origin a page sees no status: the balancer sends no CORS headers."""
    port = free_port()
    with balancer(port, retry_after="1") as proxy:
        if crossing:
            page = await browser.open(byway_pages.url())
        else:
            with uvicorn("tests.apps.browser_app:app", "--port", str(port)):
                page = await browser.open(proxy.url())
                await page.evaluate('() => import("/byway.js").then(() => 0)')
        page.expect("")
        mark = proxy.program.log.mark()
        options = {"transports": transports} if transports else {}
        await page.evaluate(TRY, proxy.url("/echo", scheme="ws"), options)
        await proxy.program.log.seen(r" 503 .*/echo", since=mark)
        # All of the first round, a second and the question whether anybody is there.
        await proxy.program.log.seen(r" 503 .*GET /echo" if crossing else r" 503 .*POST /echo")
        with uvicorn("tests.apps.browser_app:shared", "--port", str(port)):
            found = await page.evaluate(TOLD)
            assert found["how"] == "hello", found
            assert not found["plain"]
            assert found["transport"] == (transports or "websocket"), found


@browsers
async def test_a_page_is_told_when_the_server_asks_to_come_back_later_than_it_waits(
    browser: Browser,
) -> None:
    with uvicorn("tests.apps.browser_app:app") as server:
        async with Network(server.port) as network:
            page = await browser.open(network.url)
            page.expect("")
            await page.evaluate('() => import("/byway.js").then(() => 0)')
            network.use(FailWith(503, retry_after=300))
            found = await told(page, network.ws_url + "/echo")
            assert found["how"] == 1006
            assert found["took"] < 15
            assert code(found["failure"]) == "COME_BACK_LATER"
            assert found["transports"][-1]["why"].endswith("responded with 503.")
            assert {one.get("after") for one in found["transports"]} == {None, 300}


@browsers
@pytest.mark.parametrize("status", [200, 502])
async def test_what_answers_in_the_place_of_the_server_for_a_while_is_waited_out(
    browser: Browser, status: int
) -> None:
    """200 with a page is what a captive network says, and a maintenance page."""
    with uvicorn("tests.apps.browser_app:app") as server:
        async with Network(server.port) as network:
            page = await browser.open(network.url)
            page.expect("")
            await page.evaluate('() => import("/byway.js").then(() => 0)')
            network.use(FailWith(status, first=12))
            found = await told(page, network.ws_url + "/echo")
            assert (found["how"], found["plain"]) == ("hello", False), found
            assert found["transport"] == "websocket"


@browsers
async def test_an_answer_that_stays_is_not_waited_for(browser: Browser) -> None:
    with uvicorn("tests.apps.browser_app:app") as server:
        async with Network(server.port) as network:
            page = await browser.open(network.url)
            page.expect("")
            await page.evaluate('() => import("/byway.js").then(() => 0)')
            network.use(FailWith(404))
            found = await told(page, network.ws_url + "/echo")
            assert found["how"] == 1006
            assert found["took"] < 15
            assert code(found["failure"]) == "NOTHING_PASSES"
            posts = [one for one in network.requests if one.method == "POST"]
            assert len(posts) == 3


async def test_a_page_with_websockets_alone_is_told_that_the_application_may_have_refused(
    browser: Browser, byway_pages: Server
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    url = byway_pages.url("/refuse", scheme="ws")
    alone = await told(page, url, transports=["websocket"], plain=False)
    assert alone["how"] == 1006
    assert "the application may have refused" in alone["transports"][0]["why"]
    beside = await told(page, url, transports=["websocket", "poll"], plain=False)
    assert code(beside["failure"]) == "REFUSED"
    assert "403" in beside["failure"]
