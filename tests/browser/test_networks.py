"""Every browser in every network: which transport carries, and which would not.

`BYWAY_WRITE_MATRIX=1` writes what was seen into docs/reference/browsers.md; without it the page is
held against what is seen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from byway.testing import PROFILES, Network
from tests.browser.engines import ENGINES
from tests.support.browsers.page import Browser, Engine
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server, uvicorn

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "browsers.md"
WRITES: Final = os.environ.get("BYWAY_WRITE_MATRIX") == "1"
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"

SECONDS: Final = 8.0
"""Seconds that an attempt may take."""

AT_ONCE: Final = 6
"""Networks that a page examines at once."""

EXAMINE = """async (url, transports, seconds) => {
  const { BywaySocket } = await import("/byway.js")
  const { examine } = await import("/networks.js")
  return examine(BywaySocket, url, transports, seconds)
}"""

SEEN: dict[str, dict[str, str]] = {}
"""What was seen, by profile and browser, as the page says it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve an echo to the pages of any origin."""
    with uvicorn("tests.apps.browser_app:shared") as one:
        yield one
    one.assert_quiet()


@asynccontextmanager
async def networks(port: int) -> AsyncIterator[dict[str, Network]]:
    """Run every profile, each at an address of its own.

    Browsers have six connections to a host, and one WebSocket that connects.
    """
    async with AsyncExitStack() as stack:
        running = {}
        for number, name in enumerate(PROFILES, 2):
            one = Network(port, name, host=f"127.0.0.{number}")
            running[name] = await stack.enter_async_context(one)
        yield running


def told(found: dict[str, Any]) -> str:
    """Say what was found as one cell of the table."""
    alone = ", ".join(one for one in TRANSPORTS if found["alone"][one])
    return f"**{found['used']}** ({alone})"


def text_of(text: str, name: str) -> str:
    """Return the line of a network in the page, or nothing."""
    return next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")


@pytest.mark.timeout(150)
async def test_a_word_comes_back_in_every_network(
    browser: Browser, engine: Engine, server: Server
) -> None:
    page = await browser.open(server.url())
    page.expect("")  # browsers complain of every connection that fails
    slots = asyncio.Semaphore(AT_ONCE)
    seen: dict[str, dict[str, Any]] = {}

    async def examine(name: str, network: Network) -> None:
        async with slots:
            seen[name] = await page.evaluate(EXAMINE, network.ws_url, TRANSPORTS, SECONDS)

    async with networks(server.port) as running:
        async with asyncio.TaskGroup() as group:
            for name, network in running.items():
                group.create_task(examine(name, network))
        # Chance loses a word now and then, and on a busy machine another one opens first.
        text = PAGE.read_text()
        for name in [one for one, found in seen.items() if told(found) not in text_of(text, one)]:
            await examine(name, running[name])
    in_vain = {name: found for name, found in seen.items() if not found["came"]}
    assert not in_vain
    for name, found in seen.items():
        SEEN.setdefault(name, {})[engine.name] = told(found)
        assert found["alone"][found["used"]], f"{name}: {found}"


def test_the_page_says_what_was_seen() -> None:
    if len(next(iter(SEEN.values()), {})) < len(ENGINES):
        pytest.skip("not every browser was asked")
    titles = ["network", *(one.title() for one in ENGINES)]
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for name in PROFILES:
        lines.append(f"| `{name}` | {' | '.join(SEEN[name][one] for one in ENGINES)} |")
    table = "\n".join(lines)
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table}\n{END}{after}"
    if WRITES:
        PAGE.write_text(wanted)
    assert text == wanted or WRITES, f"make browser-matrix writes it:\n{table}"
