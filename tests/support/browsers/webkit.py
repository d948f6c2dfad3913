"""WebKitGTK's MiniBrowser, through WebDriver, on a screen that nobody sees.

Knows: WebKitWebDriver, Xvfb, and the commands of WebDriver (w3.org/TR/webdriver2).
Must not know: what the pages are for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.browsers.keys import webdriver_click, webdriver_keys
from tests.support.browsers.page import COMMAND_TIMEOUT, Browser, BrowserError, Engine, Page
from tests.support.browsers.program import browser_program
from tests.support.process import (
    START_TIMEOUT,
    find_program,
    free_port,
    part_is_missing,
    wait_until_accepting,
)

TRIES = 3
"""Times that a start is tried with another port, if somebody else took the first."""

# Its toolbar would keep the window from becoming as narrow as a phone.
_NARROW = "window * { min-width: 0; padding: 0; margin: 0; border: 0; font-size: 1px; }"

# It tells the driver nothing of its console, so the page collects what it complains of. What it
# complained of before it was loaded is not known.
_COLLECT = """
window.complaints ??= (() => {
  const found = []
  const take = (event, text) => setTimeout(() => event.defaultPrevented || found.push(text))
  addEventListener("error", (event) => take(event, `${event.message} ${event.error?.stack}`))
  addEventListener("unhandledrejection", (event) => take(event, `unhandled: ${event.reason}`))
  const { error } = console
  console.error = (...words) => {
    found.push(`console.error: ${words.join(" ")}`)
    error.apply(console, words)
  }
  return found
})()
"""

_RUN = """
const done = arguments[arguments.length - 1]
const complaints = () => window.complaints?.splice(0) ?? [];
(%s).then(
  (value) => done({ value, complaints: complaints() }),
  (error) => done({ error: `${error}\\n${error?.stack}`, complaints: complaints() }),
)
"""


class Session:
    """A session of WebDriver: one MiniBrowser.

    Attributes:
        path: where it is, empty before it is made.
    """

    def __init__(self, http: httpx.AsyncClient, path: str) -> None:
        """Remember where it is."""
        self._http = http
        self.path = path
        self._window = ""

    async def call(self, verb: str, path: str, window: str = "", **params: Any) -> Any:
        """Give a command, in a window if one is named, and return its answer."""
        if window and window != self._window:
            await self.call("POST", "/window", handle=window)
            self._window = window
        body = json.dumps(params) if verb == "POST" else None
        answer = await self._http.request(verb, self.path + path, content=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise BrowserError(f"{path}: {value['error']}: {value['message']}")
        return value


class WebKitPage(Page):
    """A tab of MiniBrowser."""

    def __init__(self, session: Session, window: str) -> None:
        """Remember its name."""
        super().__init__()
        self._session = session
        self.window = window

    async def _call(self, verb: str, path: str, **params: Any) -> Any:
        return await self._session.call(verb, path, self.window, **params)

    async def run(self, script: str) -> str | None:
        answer = await self._call("POST", "/execute/async", script=_RUN % script, args=[])
        self._complaints += answer["complaints"]
        if "error" in answer:
            raise BrowserError(answer["error"])
        value: str | None = answer.get("value")
        return value

    async def _collect(self) -> None:
        await self._call("POST", "/execute/sync", script=_COLLECT, args=[])

    async def goto(self, url: str) -> None:
        await self._call("POST", "/url", url=url)
        await self._collect()

    async def back(self) -> None:
        await self._call("POST", "/back")
        await self._collect()

    async def forward(self) -> None:
        await self._call("POST", "/forward")
        await self._collect()

    async def show(self) -> None:
        await self._session.call("POST", "/window", handle=self.window)

    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        # WebDriver sets the size of the window; how much of it the page has is seen afterwards.
        for _ in range(2):
            inner = await self.evaluate("() => [innerWidth, innerHeight]")
            outer = await self._call("GET", "/window/rect")
            await self._call(
                "POST",
                "/window/rect",
                width=width + outer["width"] - inner[0],
                height=height + outer["height"] - inner[1],
            )

    async def picture(self) -> bytes:
        return base64.b64decode(await self._call("GET", "/screenshot"))

    async def press(self, *keys: str) -> None:
        await self._act({"type": "key", "id": "keyboard", "actions": webdriver_keys(keys)})

    async def click_at(self, x: float, y: float) -> None:
        await self._act({"type": "pointer", "id": "mouse", "actions": webdriver_click(x, y)})

    async def _act(self, source: dict[str, Any]) -> None:
        await self._call("POST", "/actions", actions=[source])

    async def close(self) -> None:
        await self._call("DELETE", "/window")


class WebKitBrowser(Browser):
    """A MiniBrowser for one test."""

    name = "webkit"

    def __init__(self, http: httpx.AsyncClient, binary: str) -> None:
        """Begin without a session: it is told at its start what colours to have."""
        super().__init__()
        self._http = http
        self._binary = binary
        self._session = Session(http, "")

    async def new_page(self, *, dark: bool) -> Page:
        if self.pages:
            made = await self._session.call("POST", "/window/new", type="tab")
            return WebKitPage(self._session, made["handle"])
        arguments = ["--automation", *(["--dark-mode"] if dark else [])]
        options = {"binary": self._binary, "args": arguments}
        # The certificates of our own servers are nobody's.
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options, "acceptInsecureCerts": True}}
        made = await self._session.call("POST", "/session", capabilities=wanted)
        self._session.path = f"/session/{made['sessionId']}"
        limit = int(COMMAND_TIMEOUT * 1000)
        await self._session.call("POST", "/timeouts", script=limit, pageLoad=limit)
        return WebKitPage(self._session, await self._session.call("GET", "/window"))

    async def end(self) -> None:
        """Ask the pages a last time what they complain of, and close MiniBrowser."""
        if self._session.path:
            for handle in await self._session.call("GET", "/window/handles"):
                for page in self.pages:
                    if isinstance(page, WebKitPage) and page.window == handle:
                        await page.evaluate("() => null")
            await self._session.call("DELETE", "")


class WebKit(Engine):
    """A running WebKitWebDriver."""

    name = "webkit"

    def __init__(self, port: int, binary: str) -> None:
        """Remember where it listens, and what it starts."""
        self._url = f"http://127.0.0.1:{port}"
        self._binary = binary

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[WebKit]:
        driver = find_program("WebKitWebDriver")
        screen = find_program("Xvfb")
        binary = _mini_browser()

        def command(folder: Path) -> list[str]:
            # It chooses a display that is free and writes its number.
            size = ["-screen", "0", "1600x1200x24"]
            return [screen, "-displayfd", "1", *size, "-nolisten", "tcp"]

        with browser_program(command) as (xvfb, _):
            chosen = xvfb.log.wait(r"^(\d+)$", timeout=START_TIMEOUT)
            env = {"DISPLAY": f":{chosen[1]}", "GDK_BACKEND": "x11"}
            for _ in range(TRIES):
                with _driver(driver, free_port(), env) as port:
                    if port:
                        yield cls(port, binary)
                        return
            raise AssertionError(f"WebKitWebDriver found no port in {TRIES} tries")

    @asynccontextmanager
    async def browser(self, proxy: str | None = None) -> AsyncIterator[WebKitBrowser]:
        async with httpx.AsyncClient(
            base_url=self._url, timeout=COMMAND_TIMEOUT + 5, trust_env=False
        ) as http:
            browser = WebKitBrowser(http, self._binary)
            try:
                yield browser
            finally:
                await browser.end()


@contextmanager
def _driver(driver: str, port: int, env: Mapping[str, str]) -> Iterator[int]:
    """Run WebKitWebDriver and give the port, or 0 if somebody else has it."""

    def command(folder: Path) -> list[str]:
        styles = folder / "config" / "gtk-3.0"
        styles.mkdir(parents=True)
        (styles / "gtk.css").write_text(_NARROW)
        return [driver, f"--port={port}"]

    with browser_program(command, env) as (program, _):
        yield port if wait_until_accepting(program, port) else 0


def _mini_browser() -> str:
    """Return the path of MiniBrowser, which is no program for everybody and not on the PATH."""
    found = sorted(Path("/usr/lib").glob("**/webkit2gtk-4.*/MiniBrowser"))
    if not found:
        part_is_missing("WebKitGTK's MiniBrowser is nowhere under /usr/lib")
    return str(found[-1])
