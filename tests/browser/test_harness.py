"""The browsers themselves: what the other tests in this folder rely on."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.browser.engines import ENGINES, needs
from tests.support.browsers.page import FREEZE, OFFLINE, TOUCH, Browser, BrowserError
from tests.support.browsers.program import processes_of
from tests.support.proxies import PLAIN_PROXY, nginx
from tests.support.servers import Server


async def test_a_function_gets_arguments_and_returns(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    assert await page.evaluate(
        "async (a, b) => [a, b.c, location.pathname]", 1, {"c": "é\u2028"}
    ) == [
        1,
        "é\u2028",
        "/",
    ]
    assert await page.evaluate("() => undefined") is None


async def test_what_a_function_throws_is_raised(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    with pytest.raises(BrowserError, match="so wrong"):
        await page.evaluate("async () => { throw new TypeError('so wrong') }")
    assert page.complaints == []


async def test_pages_complain(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    await page.evaluate(
        """async () => {
          console.error("said so")
          setTimeout(() => { throw new Error("thrown late") })
          Promise.reject(new Error("never handled"))
          await new Promise((resolve) => setTimeout(resolve, 100))
        }"""
    )
    for words in ("said so", "thrown late", "never handled"):
        assert any(words in one for one in page.complaints), page.complaints
    assert page.unexpected()
    page.expect("said so", "thrown late", "never handled")
    assert not page.unexpected()


async def test_tabs_share_a_profile_and_tests_do_not(browser: Browser, plain_pages: Server) -> None:
    first = await browser.open(plain_pages.url())
    second = await browser.open(plain_pages.url())
    read = "() => [document.cookie, localStorage.getItem('a')]"
    assert await second.evaluate(read) == ["", None]
    await first.evaluate("() => { document.cookie = 'a=1'; localStorage.setItem('a', 'b') }")
    await second.evaluate(f"""async () => {{
      // The other tab may be in another process, whose storage is told of it a little later.
      while (({read})()[1] === null) await new Promise((resolve) => setTimeout(resolve, 10))
    }}""")
    await first.close()
    assert await second.evaluate(read) == ["a=1", "b"]


async def test_and_the_next_one_begins_empty(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    assert await page.evaluate("() => [document.cookie, localStorage.getItem('a')]") == ["", None]


async def test_away_and_back(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    await page.evaluate("() => { window.mine = 1; onpageshow = (e) => { mine += e.persisted } }")
    await page.goto(plain_pages.url("/other"))
    assert await page.evaluate("() => [location.pathname, window.mine]") == ["/other", None]
    await page.back()
    # Kept whole, and told so.
    assert await page.evaluate("() => [location.pathname, window.mine]") == ["/", 2]
    await page.forward()
    assert await page.evaluate("() => location.pathname") == "/other"


@pytest.mark.parametrize("dark", [False, True])
async def test_colours(browser: Browser, plain_pages: Server, dark: bool) -> None:
    page = await browser.open(plain_pages.url(), dark=dark)
    asked = "() => matchMedia('(prefers-color-scheme: dark)').matches"
    assert await page.evaluate(asked) is dark


async def test_size_and_picture(browser: Browser, plain_pages: Server, tmp_path: Path) -> None:
    page = await browser.open(plain_pages.url())
    for size in ((390, 800), (1280, 720)):
        await page.resize(*size)
        assert await page.evaluate("() => [innerWidth, innerHeight]") == [*size]
        await page.screenshot(tmp_path / "page.png")
        assert struct.unpack(">II", (tmp_path / "page.png").read_bytes()[16:24]) == size


@needs(TOUCH)
async def test_a_phone(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    await page.resize(390, 844, phone=True)
    assert await page.evaluate("() => [innerWidth, navigator.maxTouchPoints > 0]") == [390, True]


async def test_keys_and_clicks(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    await page.evaluate(
        """() => {
          document.body.innerHTML = "<form><input id=one><input id=two><button>go</button></form>"
          window.seen = []
          document.forms[0].onsubmit = (event) => { event.preventDefault(); seen.push("sent") }
          document.querySelector("button").onclick = (e) => seen.push(e.isTrusted)
        }"""
    )
    await page.click("#one")
    await page.type("ab")
    await page.press("Backspace", "Tab")
    await page.type("Xé")
    await page.press("Enter")
    await page.click("button")
    values = await page.evaluate("() => [one.value, two.value, seen]")
    # Enter in a form presses its button.
    assert values == ["a", "Xé", [True, "sent", True, "sent"]]


AWAY_WITH_A_SOCKET = {
    # The page is kept, its socket is closed, and it is told so when it is back.
    "chromium": [True, "close 1006"],
    "webkit": [True, "close 1006"],
    # The page is not kept, it is loaded again.
    "firefox": None,
}


GONE = {"chromium": "1001", "firefox": "1001", "webkit": "1001"}
"""The codes with which sockets leave as their tab does."""


async def test_away_and_back_with_a_socket(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    page.expect("interrupted while the page was loading")  # Firefox says so by itself
    await page.evaluate(
        """async () => {
          const socket = new WebSocket("ws://" + location.host + "/echo")
          window.seen = []
          addEventListener("pageshow", (event) => seen.push(event.persisted))
          socket.onclose = (event) => seen.push(`close ${event.code}`)
          await new Promise((resolve) => { socket.onopen = resolve })
        }"""
    )
    await page.goto(plain_pages.url("/other"))
    await page.back()
    seen = await page.evaluate(
        """async () => {
          while (window.seen?.length === 1) await new Promise((resolve) => setTimeout(resolve, 10))
          return window.seen ?? null
        }"""
    )
    assert seen == AWAY_WITH_A_SOCKET[browser.name]


async def test_the_server_hears_that_a_tab_closes(browser: Browser, plain_pages: Server) -> None:
    await browser.open(plain_pages.url())  # WebKit ends with its last tab
    page = await browser.open(plain_pages.url())
    await page.evaluate(
        """async (name) => {
          const socket = new WebSocket(`ws://${location.host}/heard?id=${name}`)
          await new Promise((resolve) => { socket.onopen = resolve })
        }""",
        browser.name,
    )
    await page.close()
    left = await plain_pages.log.seen(rf"{browser.name} left with (\d+)")
    assert left[1] == GONE[browser.name]


async def test_behind_a_proxy(browser: Browser, plain_pages: Server) -> None:
    with nginx(PLAIN_PROXY.format(port=plain_pages.port)) as proxy:
        page = await browser.open(proxy.url("/"))
        page.expect("WebSocket connection", "establish a connection")
        reached = await page.evaluate(
            """async () => {
              const socket = new WebSocket("ws://" + location.host + "/echo")
              return new Promise((resolve) => {
                socket.onopen = () => resolve("open")
                socket.onerror = () => resolve("blocked")
              })
            }"""
        )
    assert reached == "blocked"


@needs(OFFLINE)
async def test_offline(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    fetched = "() => fetch('/other').then((answer) => answer.status, () => 'failed')"
    assert await page.evaluate(fetched) == 200
    await page.offline(True)
    assert await page.evaluate("() => navigator.onLine") is False
    assert await page.evaluate(fetched) == "failed"
    await page.offline(False)
    assert await page.evaluate(fetched) == 200


@needs(FREEZE)
async def test_freezing(browser: Browser, plain_pages: Server) -> None:
    page = await browser.open(plain_pages.url())
    await page.evaluate(
        """() => {
          window.seen = []
          for (const name of ["freeze", "resume"])
            document.addEventListener(name, () => seen.push(name))
        }"""
    )
    await page.freeze()
    await page.thaw()
    assert await page.evaluate("() => seen") == ["freeze", "resume"]


@pytest.mark.parametrize("name", ENGINES)
def test_nothing_is_left_behind(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ENGINES[name].running():
        folders = list(tmp_path.iterdir())
        assert folders
        assert all(processes_of(folder) for folder in folders)
    assert not any(processes_of(folder) for folder in folders)
    assert not any(tmp_path.iterdir())
