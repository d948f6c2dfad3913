"""The cases of cases.js, run in a page with one class: the browser's own, or byway's.

Knows: the names of the cases, and how a page comes by a class.
Must not know: what a case does, and which answer is right.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final

from tests.apps.browser_app import CASES, CLIENT
from tests.support.browsers.page import BrowserError, Engine
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server

RUN_TIMEOUT = 40.0
"""Seconds for all cases of one class in one browser; those after it are not run."""

NAMES: Final = re.findall(
    r'^(?:standard|serverCloses)\(\s*"([^"]+)"', CASES.read_text(), re.MULTILINE
)
"""Of the cases, in their order. A test sees to it that none is missing."""

_NATIVE: Final = "async () => { globalThis.Subject = WebSocket }"

# The class that other people's code gets, forced on one transport.
_BYWAY: Final = """async (transport, module) => {
  const { BywaySocket } = await import(module)
  BywaySocket.install({ transports: [transport] })
  globalThis.Subject = WebSocket
}"""

_RUN: Final = """async (url, names) => {
  const { run } = await import("/cases.js")
  return run(Subject, url, names)
}"""

_EXPECTATIONS: Final = 'async () => (await import("/cases.js")).expectations()'


@dataclass(frozen=True, slots=True)
class Implementation:
    """A class with the WebSocket interface, and the server that it talks to.

    Attributes:
        name: in the tests' names.
        pages: the fixture with the server.
        transport: what byway's class is forced on; empty for the browser's own class.
        module: where byway's class comes from.
    """

    name: str
    pages: str
    transport: str = ""
    module: str = "/byway.js"

    @property
    def kind(self) -> str:
        """Whose class it is: "native" or "byway"."""
        return "byway" if self.transport else "native"


def implementations() -> list[Implementation]:
    """Return all that there are: byway's class only where its file exists."""
    native = [
        Implementation("native", "plain_pages"),
        # Plain clients reach the application through the middleware as without it.
        Implementation("native-wrapped", "byway_pages"),
    ]
    if not CLIENT.exists():
        return native
    byway = [Implementation(f"byway-{one}", "byway_pages", one) for one in TRANSPORTS]
    minified = Implementation("byway-min-stream", "byway_pages", "stream", "/byway.min.js")
    return [*native, *byway, minified]


@dataclass
class Run:
    """What came of a run.

    Attributes:
        results: of each case, by name.
        expected: what the standard demands of each, by name, in order.
        complaints: what the page complained of.
    """

    results: dict[str, Any]
    expected: dict[str, Any]
    complaints: list[str]


async def run_cases(
    engine: Engine, implementation: Implementation, server: Server, timeout: float = RUN_TIMEOUT
) -> Run:
    """Run all cases in one page, in so many seconds.

    Raises:
        BrowserError: the page could not get the class.
    """
    async with engine.browser() as browser:
        page = await browser.open(server.url())
        if implementation.transport:
            await page.evaluate(_BYWAY, implementation.transport, implementation.module)
        else:
            await page.evaluate(_NATIVE)
        expected = dict(await page.evaluate(_EXPECTATIONS))
        results: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout):
                for name in expected:
                    try:
                        found = await page.evaluate(_RUN, server.url("", scheme="ws"), [name])
                    except BrowserError as error:
                        found = {name: f"failed: {error}"}
                    results |= found
        except TimeoutError:
            late = f"not run: the others took {timeout:g} s"
            results = dict.fromkeys(expected, late) | results
        return Run(results, expected, page.complaints)
