"""What tests see of a browser: a program for the run, a fresh profile for a test, and its pages.

Knows: what a test may ask of any browser, and which script is sent to evaluate a function.
Must not know: how one browser is started or spoken to.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Final, Self

OFFLINE: Final = "offline"
"""A page's network can be cut."""
FREEZE: Final = "freeze"
"""A page can be frozen as a browser freezes tabs that nobody looks at."""
TOUCH: Final = "touch"
"""A page can be told that it is on a phone, beyond the size of the window."""

COMMAND_TIMEOUT = 20.0
"""Seconds that a browser may take for one command."""


class BrowserError(AssertionError):
    """A browser answered a command with an error, or a function threw in a page."""


class Page(ABC):
    """One tab."""

    def __init__(self) -> None:
        """Start without complaints."""
        self._complaints: list[str] = []
        self._expected: list[str] = []

    @property
    def complaints(self) -> list[str]:
        """What went wrong in it by itself.

        Exceptions that nobody caught, rejections that nobody handled, and `console.error`.
        """
        return list(self._complaints)

    def expect(self, *patterns: str) -> None:
        """Let complaints pass in which one of these patterns is found."""
        self._expected += patterns

    def unexpected(self) -> list[str]:
        """Return the complaints that no test expected."""
        return [
            one
            for one in self.complaints
            if not any(re.search(pattern, one) for pattern in self._expected)
        ]

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function in the page and return what it returns, both by way of JSON.

        Args:
            function: the text of a JavaScript function, async or not: `"async (a, b) => a + b"`.
            arguments: what it is called with.

        Raises:
            BrowserError: it threw, or its promise was rejected.
        """
        text = await self.run(expression(function, arguments))
        return None if text is None else json.loads(text)

    @abstractmethod
    async def run(self, script: str) -> str | None:
        """Evaluate an expression that yields a promise of a string or of nothing."""

    @abstractmethod
    async def goto(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""

    @abstractmethod
    async def back(self) -> None:
        """Go back in the history and wait until that page is there."""

    @abstractmethod
    async def forward(self) -> None:
        """Go forward in the history and wait until that page is there."""

    @abstractmethod
    async def show(self) -> None:
        """Bring the tab to the front."""

    @abstractmethod
    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page a size in CSS pixels.

        Args:
            width: its width.
            height: its height.
            phone: treat `<meta name=viewport>` and touches as a phone does, where TOUCH is able.
        """

    async def screenshot(self, path: Path) -> None:
        """Write what can be seen now into a PNG file."""
        await asyncio.to_thread(path.write_bytes, await self.picture())

    @abstractmethod
    async def picture(self) -> bytes:
        """Return what can be seen now as a PNG."""

    @abstractmethod
    async def press(self, *keys: str) -> None:
        """Press and release keys, one after the other: characters, or names of `keys.KEYS`."""

    @abstractmethod
    async def click_at(self, x: float, y: float) -> None:
        """Click at a place of the window."""

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, where a person would."""
        place = await self.evaluate(
            """(selector) => {
              const element = document.querySelector(selector)
              if (!element) throw new Error(`no ${selector}`)
              element.scrollIntoView({ block: "center", behavior: "instant" })
              const box = element.getBoundingClientRect()
              return [box.left + box.width / 2, box.top + box.height / 2]
            }""",
            selector,
        )
        await self.click_at(*place)

    async def type(self, text: str) -> None:
        """Type a text, key by key."""
        await self.press(*text)

    async def offline(self, wanted: bool) -> None:
        """Tell the page that it is offline, or online again. Needs OFFLINE.

        New connections fail and the page gets `offline`; what is open goes on, in Chromium as in
        Firefox. To cut that too, have the page behind a `tests.support.relay`.
        """
        raise NotImplementedError

    async def freeze(self) -> None:
        """Stop the page's scripts as browsers do in tabs of the background. Needs FREEZE."""
        raise NotImplementedError

    async def thaw(self) -> None:
        """Let them run again. Needs FREEZE."""
        raise NotImplementedError

    @abstractmethod
    async def close(self) -> None:
        """Close the tab."""


class Browser(ABC):
    """A profile of its own in a running browser, empty at the beginning of a test.

    Attributes:
        name: of the program.
        pages: the tabs that were opened.
    """

    name: str

    def __init__(self) -> None:
        """Start without pages."""
        self.pages: list[Page] = []

    async def open(self, url: str, *, dark: bool = False) -> Page:
        """Open an address in a tab of its own and wait until it is loaded.

        Args:
            url: the address.
            dark: what `prefers-color-scheme` says. In Firefox and WebKit all tabs of a test
                have the first one's.
        """
        page = await self.new_page(dark=dark)
        self.pages.append(page)
        await page.goto(url)
        return page

    @abstractmethod
    async def new_page(self, *, dark: bool) -> Page:
        """Open an empty tab."""

    def beside(self, proxy: str | None = None) -> AbstractAsyncContextManager[Browser]:
        """Begin with one more empty profile in the same program. Not in WebKit.

        Args:
            proxy: as in `Engine.browser`.
        """
        raise NotImplementedError


class Engine(ABC):
    """A running browser program.

    Attributes:
        name: of the program.
        can: what it is able to do that not all are.
    """

    name: str
    can: frozenset[str] = frozenset()

    @classmethod
    @abstractmethod
    def running(cls) -> AbstractContextManager[Self]:
        """Start it, and stop it at the end of the block."""

    @abstractmethod
    def browser(self, proxy: str | None = None) -> AbstractAsyncContextManager[Browser]:
        """Begin with an empty profile, and forget it at the end of the block.

        Args:
            proxy: the host and port of the proxy that its pages use for everything, this
                machine's own addresses included. Not in WebKit.
        """


def expression(function: str, arguments: Iterable[Any]) -> str:
    """Return the expression that calls a function and gives its answer as JSON."""
    # JSON is JavaScript since ECMAScript 2019, U+2028 included.
    called = ", ".join(json.dumps(one) for one in arguments)
    return f"(async () => JSON.stringify(await ({function})({called})))()"
