"""A page whose server is several processes: it loses nothing, whichever takes its requests."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from itertools import combinations
from secrets import token_hex
from typing import Any

import pytest

from byway.testing import Network
from tests.apps.counted_app import DONE
from tests.browser.engines import only
from tests.chaos.seeds import seeds
from tests.chaos.storm import Storm
from tests.support.browsers.page import Browser, Page
from tests.support.peers import TRANSPORTS
from tests.support.several import PLACES, Several, serving

COUNT = 1000
"""Messages each way."""

SECONDS = 8.0
"""Seconds over which they are spread."""

BETWEEN = 2.0
"""Seconds between two kills."""

MOST = 20
"""Times that a socket is opened over each transport until two processes have one of each."""

IMPORT = """async () => {
  globalThis.Socket = (await import("/byway.js")).BywaySocket
  globalThis.run = (await import("/counted.js")).run
  globalThis.results = {}
  globalThis.sockets = {}
}"""

RUN = """(name, url, count, seconds, options) => {
  class Named extends globalThis.Socket {
    constructor(...given) {
      super(...given)
      globalThis.sockets[name] = this
    }
  }
  globalThis.run(Named, url, count, `${seconds}&name=${name}`, options)
    .then((told) => (globalThis.results[name] = told))
}"""

LEAVE = "(names) => { for (const name of names) globalThis.sockets[name].close() }"


@pytest.fixture(scope="module", params=PLACES)
def several(request: pytest.FixtureRequest) -> Iterator[Several]:
    """Serve the pages, and an endpoint that counts, by several processes."""
    with serving(request.param, "tests.apps.counted_app:app") as one:
        yield one
    one.assert_quiet()


async def told(page: Page, names: list[str], timeout: float) -> dict[str, dict[str, Any]]:
    """Wait until these sockets have ended; return what each has counted."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(timeout):
            while True:
                found = await page.evaluate("() => globalThis.results")
                if set(names) <= set(found):
                    return {name: found[name] for name in names}
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"some have stalled; ended: {found}") from None


def judge(one: dict[str, Any]) -> None:
    """See that nothing was lost, doubled or reordered."""
    counts = {name: one[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), one
    assert (one["code"], one["reason"]) == (DONE, f"{COUNT} up, 0 wrong"), one


@pytest.mark.timeout(120)
@only("chromium")
async def test_its_connections_are_cut(browser: Browser, several: Several) -> None:
    async with Network(several.port) as network:
        page = await browser.open(network.url)
        page.expect("")  # browsers complain of every connection that is cut
        await page.evaluate(IMPORT)
        storm = Storm(network, "cuts", f"browser-{seeds()[0]}")
        await page.evaluate(RUN, "page", network.ws_url, COUNT, SECONDS, {})
        blowing = asyncio.create_task(storm.blow())
        try:
            found = await told(page, ["page"], 60)
        finally:
            blowing.cancel()
            await asyncio.gather(blowing, return_exceptions=True)
    judge(found["page"])
    assert len(storm.told) > 2, "else nothing was tested"


async def opened(page: Page, several: Several) -> tuple[set[int], list[str]]:
    """Open sockets until two processes run the handlers of one over each transport; leave the rest.

    It cannot be one: over HTTP a page has few connections, and each leads to one of the workers.
    """
    running: dict[tuple[str, int], str] = {}
    names = []
    for _ in range(MOST):
        for transport in TRANSPORTS:
            name = f"{transport}-{token_hex(4)}"
            names.append(name)
            options = {"transports": [transport], "memory": False}
            url = several.url("", scheme="ws")
            await page.evaluate(RUN, name, url, COUNT, 2 * SECONDS, options)
            pid = int((await several.log.seen(rf"{name} runs in (\d+)", timeout=30))[1])
            running[transport, pid] = name
        for owners in combinations({pid for _, pid in running}, 2):
            chosen = {
                transport: name for (transport, pid), name in running.items() if pid in owners
            }
            if len(chosen) == len(TRANSPORTS):
                await page.evaluate(LEAVE, [one for one in names if one not in chosen.values()])
                return set(owners), list(chosen.values())
    raise AssertionError(f"no two processes have a socket over each transport: {running}")


@pytest.mark.timeout(120)
@only("chromium")
async def test_processes_are_killed_that_do_not_run_its_handlers(
    browser: Browser, several: Several
) -> None:
    """A socket over each transport; all handlers run in two processes, the others are killed."""
    page = await browser.open(several.url())
    page.expect("")  # browsers complain of every request that fails
    await page.evaluate(IMPORT)
    owners, names = await opened(page, several)
    for turn in range(5):
        await asyncio.sleep(BETWEEN)  # the pace of the kills
        others = await asyncio.to_thread(several.others, owners)
        os.kill(others[turn % len(others)], signal.SIGKILL)
    found = await told(page, names, 60)
    for one in found.values():
        judge(one)
    await asyncio.to_thread(several.wait_until_all_serve)
