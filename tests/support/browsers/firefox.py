"""Firefox, through WebDriver BiDi.

Knows: its preferences and the commands of that protocol (w3c.github.io/webdriver-bidi).
Must not know: what the pages are for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.browsers.keys import webdriver_click, webdriver_keys
from tests.support.browsers.page import OFFLINE, Browser, BrowserError, Engine, Page
from tests.support.browsers.program import browser_program
from tests.support.browsers.wire import Wire, connected
from tests.support.process import START_TIMEOUT, find_program

PREFERENCES: dict[str, bool | int | str] = {
    # What it would ask of hosts that are no part of any test. It sets most such preferences by
    # itself when it is driven, see remote/shared/RecommendedPreferences.sys.mjs in its source.
    "app.normandy.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.topsites.contile.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "messaging-system.rsexperimentloader.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "data:,",
    "network.dns.localDomains": "app.test, foreign.test",  # names of 127.0.0.1, not of localhost
    # It asks a person whether a form of localhost may go to plain http elsewhere.
    "security.warn_submit_secure_to_insecure": False,
    "network.proxy.type": 0,
    "network.proxy.allow_hijacking_localhost": True,  # where a test gives it a proxy
    # All tabs of a test are looked at, none is slowed down.
    "dom.min_background_timeout_value": 4,
    "dom.min_background_timeout_value_without_budget_throttling": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
    # Else a connection waits, for longer and longer, after others to the host have failed
    # (RFC 6455 section 7.2.3). The cases make many fail on purpose.
    "network.websocket.delay-failed-reconnects": False,
}

_SCHEME = "layout.css.prefers-color-scheme.content-override"  # 0 is dark, 1 light


class FirefoxPage(Page):
    """A tab of Firefox."""

    def __init__(self, wire: Wire, context: str) -> None:
        """Remember its name."""
        super().__init__()
        self._wire = wire
        self.context = context

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._wire.call(method, {"context": self.context, **params})

    def heard(self, entry: dict[str, Any]) -> None:
        """Take note of an entry of the log."""
        if entry["level"] == "error":
            name = "console.error" if entry["type"] == "console" else entry["type"]
            self._complaints.append(f"{name}: {entry['text']}")

    async def run(self, script: str) -> str | None:
        answer = await self._wire.call(
            "script.evaluate",
            {"expression": script, "awaitPromise": True, "target": {"context": self.context}},
        )
        if answer["type"] == "exception":
            raise BrowserError(answer["exceptionDetails"]["text"])
        value: str | None = answer["result"].get("value")
        return value

    async def goto(self, url: str) -> None:
        await self._call("browsingContext.navigate", url=url, wait="complete")

    async def back(self) -> None:
        await self._step(-1)

    async def forward(self) -> None:
        await self._step(1)

    async def _step(self, delta: int) -> None:
        await self._call("browsingContext.traverseHistory", delta=delta)

    async def show(self) -> None:
        await self._call("browsingContext.activate")

    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        size = {"width": width, "height": height}
        await self._call("browsingContext.setViewport", viewport=size)

    async def picture(self) -> bytes:
        picture = await self._call("browsingContext.captureScreenshot")
        return base64.b64decode(picture["data"])

    async def press(self, *keys: str) -> None:
        await self._act({"type": "key", "id": "keyboard", "actions": webdriver_keys(keys)})

    async def click_at(self, x: float, y: float) -> None:
        await self._act({"type": "pointer", "id": "mouse", "actions": webdriver_click(x, y)})

    async def _act(self, source: dict[str, Any]) -> None:
        await self._call("input.performActions", actions=[source])

    async def offline(self, wanted: bool) -> None:
        conditions = {"type": "offline"} if wanted else None
        await self._wire.call(
            "emulation.setNetworkConditions",
            {"networkConditions": conditions, "contexts": [self.context]},
        )

    async def close(self) -> None:
        await self._call("browsingContext.close")


class FirefoxBrowser(Browser):
    """A user context of Firefox."""

    name = "firefox"

    def __init__(self, wire: Wire, context: str, tabs: dict[str, FirefoxPage]) -> None:
        """Begin without pages.

        Args:
            wire: to the program.
            context: its name.
            tabs: of all user contexts on this wire.
        """
        super().__init__()
        self._wire = wire
        self._context = context
        self._tabs = tabs
        wire.listen(self._heard)

    def _heard(self, method: str, said: dict[str, Any]) -> None:
        """Hand an event to the page that it is of."""
        if method == "log.entryAdded":
            page = self._tabs.get(said["source"].get("context", ""))
            if page is not None:
                page.heard(said)

    async def new_page(self, *, dark: bool) -> Page:
        if not self.pages:
            await self._set(_SCHEME, 0 if dark else 1)
        made = await self._new_tab()
        page = FirefoxPage(self._wire, made["context"])
        self._tabs[page.context] = page
        await page.resize(1280, 800)
        return page

    async def _new_tab(self) -> dict[str, Any]:
        """Open a tab, once more where another that is just closing took this one along.

        Firefox says then that the browsing context does no longer exist.
        """
        wanted = {"type": "tab", "userContext": self._context}
        try:
            return await self._wire.call("browsingContext.create", wanted)
        except BrowserError as error:
            if "DiscardedBrowsingContextError" not in str(error):
                raise
        return await self._wire.call("browsingContext.create", wanted)

    def beside(self, proxy: str | None = None) -> AbstractAsyncContextManager[FirefoxBrowser]:
        return _profile(self._wire, proxy, self._tabs)

    async def _set(self, name: str, value: int) -> None:
        """Set a preference of the whole program: BiDi has no command for it."""
        tree = await self._wire.call("browsingContext.getTree", {"moz:scope": "chrome"})
        answer = await self._wire.call(
            "script.evaluate",
            {
                "expression": f"Services.prefs.setIntPref({json.dumps(name)}, {value})",
                "awaitPromise": False,
                "target": {"context": tree["contexts"][0]["context"]},
            },
        )
        assert answer["type"] == "success", answer


@asynccontextmanager
async def _profile(
    wire: Wire, proxy: str | None, tabs: dict[str, FirefoxPage]
) -> AsyncIterator[FirefoxBrowser]:
    """Begin with an empty profile, and forget it at the end of the block."""
    manual = {"proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy}
    made = await wire.call("browser.createUserContext", {"proxy": manual} if proxy else {})
    try:
        yield FirefoxBrowser(wire, made["userContext"], tabs)
    finally:
        # It closes the pages too.
        await wire.call("browser.removeUserContext", made)


class Firefox(Engine):
    """A running Firefox."""

    name = "firefox"
    can = frozenset({OFFLINE})

    def __init__(self, url: str) -> None:
        """Remember where it listens."""
        self._url = url

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Firefox]:
        program = find_program("firefox-esr")

        def command(folder: Path) -> list[str]:
            profile = folder / "profile"
            profile.mkdir()
            lines = (
                f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()
            )
            (profile / "user.js").write_text("\n".join(lines))
            return [
                *(program, "--headless", "--no-remote", "--profile", str(profile)),
                # The second lets `_set` reach the preferences.
                *("--remote-debugging-port=0", "--remote-allow-system-access", "about:blank"),
            ]

        with browser_program(command) as (started, _):
            found = started.log.wait(r"BiDi listening on (ws://\S+)", timeout=START_TIMEOUT)
            yield cls(f"{found[1]}/session")

    @asynccontextmanager
    async def browser(self, proxy: str | None = None) -> AsyncIterator[FirefoxBrowser]:
        async with connected(self._url) as wire:
            # The certificates of our own servers are nobody's.
            trusting = {"alwaysMatch": {"acceptInsecureCerts": True}}
            await wire.call("session.new", {"capabilities": trusting})
            try:
                await wire.call("session.subscribe", {"events": ["log.entryAdded"]})
                async with _profile(wire, proxy, {}) as browser:
                    yield browser
            finally:
                await wire.call("session.end")
