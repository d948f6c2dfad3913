"""A browser's connections are cut again and again, and other transports pass each time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from byway.testing import Network
from tests.apps.counted_app import DONE
from tests.browser.engines import only
from tests.chaos.seeds import replay, seeds
from tests.chaos.storm import NETWORKS, Storm
from tests.support.browsers.page import Browser
from tests.support.servers import Server

COUNT = 1000
"""Messages each way."""

SECONDS = 8.0
"""Seconds over which they are spread: some five cuts."""

RUN = """async (module, url, count, seconds) => {
  const { BywaySocket } = await import(module)
  const { run } = await import("/counted.js")
  globalThis.result = null
  run(BywaySocket, url, count, seconds, {}).then((told) => (globalThis.result = told))
}"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("kind", "module"),
    [*((kind, "/byway.js") for kind in NETWORKS), (next(iter(NETWORKS)), "/byway.min.js")],
)
@only("chromium", "firefox")
async def test_nothing_is_lost_doubled_or_reordered(
    browser: Browser, server: Server, kind: str, module: str
) -> None:
    async with Network(server.port) as network:
        page = await browser.open(network.url)
        page.expect("")  # browsers complain of every connection that is cut
        await page.evaluate(
            """async (module) => { await import(module); await import("/counted.js") }""", module
        )
        storm = Storm(network, kind, f"browser-{seeds()[0]}")
        await page.evaluate(RUN, module, network.ws_url, COUNT, SECONDS)
        blowing = asyncio.create_task(storm.blow())
        told: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(60):
                while told is None:
                    await asyncio.sleep(0.2)
                    told = await page.evaluate("() => globalThis.result")
        except TimeoutError:
            pass
        finally:
            blowing.cancel()
            await asyncio.gather(blowing, return_exceptions=True)
    said = "\n  ".join([*storm.told, str(told), f"again: {replay(kind, seeds()[0])}"])
    assert told is not None, f"it has stalled:\n  {said}"
    counts = {name: told[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), said
    assert (told["code"], told["reason"]) == (DONE, f"{COUNT} up, 0 wrong"), said
    assert told["received"] == COUNT
    assert len(storm.told) > 2, "else nothing was tested"
    assert len(told["moves"]) > 1, said
