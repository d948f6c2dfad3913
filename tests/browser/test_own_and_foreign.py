"""Own pages under a name of their own reach their handler behind nginx; foreign pages start none.

The host is not localhost: over plain http, browsers say no `Sec-Fetch-Site` to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.engines import only
from tests.support.browsers.page import Browser, Page
from tests.support.proxies import PLAIN_PROXY, Proxy, nginx
from tests.support.servers import Server, uvicorn
from tests.support.tls import Authority

NAME: Final = "app.test"
"""A name that the browsers find at 127.0.0.1."""

FOREIGN: Final = "foreign.test"
"""Another."""

SOON: Final = 10.0
"""Seconds within which a page has its WebSocket: far below the 30 s of the promotion interval."""

UPGRADES: Final = """
location / {{
    proxy_pass http://127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
}}
"""
"""What lets WebSockets pass, without the line for `Host`."""

CALL: Final = """async (name, ...all) => {
  const [byway, foreign] = await Promise.all([import("/byway.js"), import("/foreign.js")])
  return foreign[name](byway, ...all)
}"""

pytestmark = [pytest.mark.timeout(90), only("chromium", "firefox")]


class Stand:
    """A server of its own for a test, and how it is reached.

    Attributes:
        server: it.
        url: where its pages are, under its name.
    """

    def __init__(self, server: Server, port: int, scheme: str = "http") -> None:
        """Remember it; the port is a proxy's, or its own."""
        self.server = server
        self.url = f"{scheme}://{NAME}:{port}"

    async def seen(self) -> dict[str, list[dict[str, str]]]:
        """Return the calls and the runs of the handler until now."""
        async with httpx.AsyncClient(verify=False, trust_env=False) as http:
            scheme = urlsplit(self.url).scheme
            if self.server.port == urlsplit(self.url).port:
                answer = await http.get(self.server.url("/seen", scheme=scheme))
            else:
                answer = await http.get(self.server.url("/seen"))
        found: dict[str, list[dict[str, str]]] = answer.json()
        return found


async def opened(browser: Browser, url: str) -> Page:
    """Open a page."""
    page = await browser.open(url)
    page.expect("")  # browsers complain of every connection that fails
    return page


async def visitor(browser: Browser, stand: Stand) -> Page:
    """Open the server's own page, and have it set a cookie."""
    page = await opened(browser, stand.url)
    await page.evaluate('() => { document.cookie = "visitor=1; path=/" }')
    return page


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve the endpoint and its pages."""
    with uvicorn("tests.apps.named_app:app") as one:
        yield one


@pytest.fixture(params=["plain", "upgrades"])
def proxy(request: pytest.FixtureRequest, server: Server) -> Iterator[Proxy]:
    """Stand nginx in front, which names its upstream in `Host`."""
    location = PLAIN_PROXY if request.param == "plain" else UPGRADES
    with nginx(location.format(port=server.port)) as one:
        yield one


async def test_an_own_page_behind_nginx_reaches_its_handler(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    stand = Stand(server, proxy.port)
    page = await visitor(browser, stand)
    for transport in ("stream", "sse", "poll"):
        options = {"transports": transport}
        echo, used, report = await page.evaluate(CALL, "talk", f"{stand.url}/echo", options)
        assert (echo, used) == ("hello", transport), report
    echo, _, report = await page.evaluate(CALL, "talk", f"{stand.url}/echo", {})
    assert echo == "hello", report
    seen = await stand.seen()
    own = {"origin": stand.url, "cookie": "visitor=1"}
    assert seen["runs"] == [own] * 4
    posts = [one for one in seen["calls"] if one["kind"] == "POST"]
    assert posts
    assert {one["site"] for one in posts} == {""}, "else this is another test"


@pytest.mark.parametrize("proxy", ["upgrades"], indirect=True)
async def test_its_websocket_follows_within_seconds(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    stand = Stand(server, proxy.port)
    page = await visitor(browser, stand)
    told = await page.evaluate(CALL, "promoted", f"{stand.url}/echo", "websocket", {})
    assert (told["echo"], told["transport"]) == ("hello", "websocket"), told
    assert told["seconds"] < SOON, told
    assert len((await stand.seen())["runs"]) == 1, "it is the same session"


@pytest.mark.parametrize("proxy", ["upgrades"], indirect=True)
async def test_what_worked_the_last_time_does_not_keep_a_page_from_its_websocket(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    stand = Stand(server, proxy.port)
    page = await visitor(browser, stand)
    options = {"memory": True, "transports": "stream"}
    await page.evaluate(CALL, "talk", f"{stand.url}/echo", options)
    for _ in range(2):  # as after a stream, and as after a WebSocket
        told = await page.evaluate(
            CALL, "promoted", f"{stand.url}/echo", "websocket", {"memory": True}
        )
        assert (told["echo"], told["transport"]) == ("hello", "websocket"), told
        assert told["seconds"] < SOON, told


async def check_that_it_counts(page: Page, stand: Stand, cookie: str, *, before: int = 0) -> None:
    """Check that an own page's session is counted, so that a foreign one's would have been."""
    echo, _, report = await page.evaluate(CALL, "talk", f"{stand.url}/echo", {})
    assert echo == "hello", report
    runs = (await stand.seen())["runs"]
    assert len(runs) == before + 1, runs
    assert runs[-1] == {"origin": stand.url, "cookie": cookie}


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """Serve pages at another port."""
    with uvicorn("tests.apps.named_app:app") as one:
        yield one


@pytest.mark.parametrize("name", [FOREIGN, NAME, "localhost", "127.0.0.1"])
@pytest.mark.parametrize("way", ["direct", "nginx"])
async def test_a_foreign_page_starts_no_handler(
    browser: Browser, server: Server, elsewhere: Server, name: str, way: str
) -> None:
    with nginx(UPGRADES.format(port=server.port)) as proxy:
        stand = Stand(server, server.port if way == "direct" else proxy.port)
        own = await visitor(browser, stand)
        page = await opened(browser, f"http://{name}:{elsewhere.port}/")
        told = await page.evaluate(CALL, "attack", f"{stand.url}/echo")
        await check_that_it_counts(own, stand, "visitor=1")
        foreign = [
            one for one in (await stand.seen())["calls"] if one["origin"] not in (stand.url, "")
        ]
        kinds = {one["kind"] for one in foreign}
        assert kinds >= {"OPTIONS", "POST", "WebSocket"}, "the attacks have reached the server"
        assert not [one for one in foreign if one["kind"] == "POST" and one["byway"]], foreign
        check_that_nothing_opened(told)


def check_that_nothing_opened(told: dict[str, Any]) -> None:
    """Check what a foreign page saw of its attacks."""
    ways = [told[name] for name in ("fetch", "without", "up", "forwarded", "redirected")]
    assert ways == ["TypeError"] * 5, told
    assert [told[name] for name in ("socket", "instance", "plain")] == ["error"] * 3, told
    assert told["sandbox"] == ["TypeError", "TypeError", "error", "error"], told
    assert told["byway"] == 1006, told


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make the certificate of the name."""
    return Authority(tmp_path_factory.mktemp("tls"), NAME, "127.0.0.1")


@pytest.mark.parametrize("name", [NAME, FOREIGN])
async def test_an_http_page_starts_no_handler_over_https(
    browser: Browser, elsewhere: Server, authority: Authority, name: str
) -> None:
    options = ["--ssl-keyfile", authority.key_file, "--ssl-certfile", authority.certificate_file]
    options += ["--timeout-graceful-shutdown", "1"]  # it waits for what a browser keeps open
    with uvicorn("tests.apps.named_app:app", *map(str, options)) as server:
        stand = Stand(server, server.port, "https")
        own = await visitor(browser, stand)
        page = await opened(browser, f"http://{name}:{elsewhere.port}/")
        check_that_nothing_opened(await page.evaluate(CALL, "attack", f"{stand.url}/echo"))
        await check_that_it_counts(own, stand, "visitor=1")


@pytest.mark.parametrize("app", ["generous", "most_generous"])
@pytest.mark.parametrize("name", [FOREIGN, NAME])
async def test_behind_a_cors_layer_for_everybody_none_has_the_visitors_cookies(
    browser: Browser, elsewhere: Server, app: str, name: str
) -> None:
    """It lets foreign pages in as far as its policy goes, and that stops at the cookies."""
    with uvicorn(f"tests.apps.named_app:{app}") as server:
        stand = Stand(server, server.port)
        own = await visitor(browser, stand)
        page = await opened(browser, f"http://{name}:{elsewhere.port}/")
        await page.evaluate(CALL, "attack", f"{stand.url}/echo")
        runs = (await stand.seen())["runs"]
        foreign = [one for one in runs if one["origin"] != stand.url]
        assert [one for one in foreign if one["cookie"]] == []
        if app == "most_generous":
            assert foreign, "else this is another test"
        await check_that_it_counts(own, stand, "visitor=1", before=len(runs))
