"""Chromium, through its DevTools protocol.

Knows: its options and the commands of that protocol.
Must not know: what the pages are for.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.browsers.keys import KEYS
from tests.support.browsers.page import (
    COMMAND_TIMEOUT,
    FREEZE,
    OFFLINE,
    TOUCH,
    Browser,
    BrowserError,
    Engine,
    Page,
)
from tests.support.browsers.program import browser_program
from tests.support.browsers.wire import Wire, connected
from tests.support.process import START_TIMEOUT, find_program

OPTIONS = (
    "--headless",
    "--no-sandbox",  # root has none, nor have most containers; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have little of it
    "--no-first-run",
    "--no-proxy-server",
    # What it would ask of hosts that are no part of any test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # RFC 6761 leaves `.test` to tests; these names are of no machine of its own kind.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--disable-features=HttpsUpgrades",  # a test that wants https says so
    "--ignore-certificate-errors",  # those of our own servers are nobody's
    "--disable-quic",
    "--disable-crash-reporter",
    "--disable-breakpad",
    # All tabs of a test are looked at, none is slowed down.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--password-store=basic",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class ChromiumPage(Page):
    """A tab of Chromium."""

    def __init__(self, wire: Wire, target: str, session: str) -> None:
        """Listen to it."""
        super().__init__()
        self._wire = wire
        self._target = target
        self._session = session
        self._arrived = asyncio.Event()
        wire.listen(self._heard, session)

    async def prepare(self, *, dark: bool) -> None:
        """Switch on what is listened to."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._call(f"{domain}.enable")
        await self._looked_at(True)
        await self.resize(1280, 800)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._call("Emulation.setEmulatedMedia", features=[scheme])

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._wire.call(method, params, self._session)

    def _heard(self, method: str, said: dict[str, Any]) -> None:
        """Take note of an event."""
        if method == "Page.loadEventFired":
            self._arrived.set()
        elif method == "Page.frameNavigated":
            # A page that was kept whole, and comes back, is not loaded again.
            restored = said.get("type") == "BackForwardCacheRestore"
            if restored and "parentId" not in said["frame"]:
                self._arrived.set()
        elif method == "Runtime.exceptionThrown":
            self._complaints.append(_describe(said["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            if said["type"] in ("error", "assert"):
                words = (str(one.get("value", one.get("description"))) for one in said["args"])
                self._complaints.append(f"console.error: {' '.join(words)}")
        elif method == "Log.entryAdded":
            entry = said["entry"]
            # A request that failed is for the page to complain about.
            if entry["level"] == "error" and entry["source"] != "network":
                self._complaints.append(f"{entry['source']}: {entry['text']}")

    async def run(self, script: str) -> str | None:
        answer = await self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(_describe(answer["exceptionDetails"]))
        value: str | None = answer["result"].get("value")
        return value

    async def goto(self, url: str) -> None:
        self._arrived.clear()
        answer = await self._call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        if "loaderId" in answer:  # else it was only a step within the page
            await self._arrival()

    async def _arrival(self) -> None:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            await self._arrived.wait()

    async def back(self) -> None:
        await self._step(-1)

    async def forward(self) -> None:
        await self._step(1)

    async def _step(self, delta: int) -> None:
        history = await self._call("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] + delta]
        self._arrived.clear()
        await self._call("Page.navigateToHistoryEntry", entryId=entry["id"])
        await self._arrival()

    async def show(self) -> None:
        await self._call("Page.bringToFront")

    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        await self._call("Emulation.setTouchEmulationEnabled", enabled=phone)

    async def picture(self) -> bytes:
        picture = await self._call("Page.captureScreenshot", format="png")
        return base64.b64decode(picture["data"])

    async def press(self, *keys: str) -> None:
        for key in keys:
            told: dict[str, Any] = {"key": key}
            if key in KEYS:
                told |= {"code": key, "windowsVirtualKeyCode": KEYS[key][1]}
            text = "\r" if key == "Enter" else key if key not in KEYS else ""
            down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
            await self._call("Input.dispatchKeyEvent", **told, **down)
            await self._call("Input.dispatchKeyEvent", **told, type="keyUp")

    async def click_at(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self._call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def offline(self, wanted: bool) -> None:
        await self._call(
            "Network.emulateNetworkConditions",
            offline=wanted,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    async def freeze(self) -> None:
        await self._looked_at(False)  # what is looked at is never frozen
        await self._call("Page.setWebLifecycleState", state="frozen")

    async def thaw(self) -> None:
        await self._call("Page.setWebLifecycleState", state="active")
        await self._looked_at(True)
        await self.show()

    async def _looked_at(self, wanted: bool) -> None:
        """Let the tab believe that it has the focus; else one under another gets no keys."""
        await self._call("Emulation.setFocusEmulationEnabled", enabled=wanted)

    async def close(self) -> None:
        await self._wire.call("Target.closeTarget", {"targetId": self._target})


class ChromiumBrowser(Browser):
    """A browser context of Chromium."""

    name = "chromium"

    def __init__(self, wire: Wire, context: str) -> None:
        """Begin without pages."""
        super().__init__()
        self._wire = wire
        self._context = context

    async def new_page(self, *, dark: bool) -> Page:
        made = await self._wire.call(
            "Target.createTarget",
            {"url": "about:blank", "browserContextId": self._context},
        )
        attached = await self._wire.call(
            "Target.attachToTarget", {"targetId": made["targetId"], "flatten": True}
        )
        page = ChromiumPage(self._wire, made["targetId"], attached["sessionId"])
        await page.prepare(dark=dark)
        return page

    def beside(self, proxy: str | None = None) -> AbstractAsyncContextManager[ChromiumBrowser]:
        return _profile(self._wire, proxy)


@asynccontextmanager
async def _profile(wire: Wire, proxy: str | None) -> AsyncIterator[ChromiumBrowser]:
    """Begin with an empty profile, and forget it at the end of the block."""
    options = {"proxyServer": proxy, "proxyBypassList": "<-loopback>"} if proxy else {}
    made = await wire.call("Target.createBrowserContext", options)
    try:
        yield ChromiumBrowser(wire, made["browserContextId"])
    finally:
        # It closes the pages too.
        await wire.call("Target.disposeBrowserContext", made)


class Chromium(Engine):
    """A running Chromium."""

    name = "chromium"
    can = frozenset({OFFLINE, FREEZE, TOUCH})

    def __init__(self, url: str) -> None:
        """Remember where it listens."""
        self._url = url

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Chromium]:
        program = find_program("chromium")

        def command(folder: Path) -> list[str]:
            return [program, *OPTIONS, f"--user-data-dir={folder}/profile", "about:blank"]

        with browser_program(command) as (started, _):
            found = started.log.wait(r"DevTools listening on (ws://\S+)", timeout=START_TIMEOUT)
            yield cls(found[1])

    @asynccontextmanager
    async def browser(self, proxy: str | None = None) -> AsyncIterator[ChromiumBrowser]:
        async with connected(self._url) as wire, _profile(wire, proxy) as browser:
            yield browser


def _describe(details: dict[str, Any]) -> str:
    """Return what an exception of a page says of itself."""
    thrown = details.get("exception", {})
    return f"{details['text']} {thrown.get('description', thrown.get('value', ''))}"
