"""Over HTTP/2: everything shares a connection, and browsers that can stream a body do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.apps.counted_app import DONE
from tests.support.browsers.page import Browser
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server, hypercorn
from tests.support.tls import Authority

COUNT = 400

RUN = """async (url, count, seconds, options) => {
  const { BywaySocket } = await import("/byway.js")
  const { run } = await import("/counted.js")
  const real = window.real ??= fetch
  const asked = {}
  window.fetch = (address, options) => {
    const { byway } = options.headers
    asked[byway] = (asked[byway] ?? 0) + 1
    return real(address, options)
  }
  const told = await run(BywaySocket, url, count, seconds, { memory: false, ...options })
  const entries = performance.getEntriesByType("navigation")
  return { ...told, asked, protocol: entries[0].nextHopProtocol }
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the page and the messages over TLS with HTTP/2."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    files = ("--keyfile", authority.key_file, "--certfile", authority.certificate_file)
    with hypercorn("tests.apps.counted_app:app", *map(str, files)) as one:
        yield one


async def talk(browser: Browser, server: Server, options: dict[str, Any]) -> dict[str, Any]:
    """Let a page exchange numbered messages; return what it counted."""
    page = await browser.open(server.url("/", scheme="https"))
    page.expect("")
    url = server.url("", scheme="wss")
    told: dict[str, Any] = await page.evaluate(RUN, url, COUNT, 2.0, options)
    assert (told["code"], told["reason"]) == (DONE, f"{COUNT} up, 0 wrong"), told
    counts = {name: told[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), told
    return told


@pytest.mark.timeout(60)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_transport(browser: Browser, server: Server, transport: str) -> None:
    told = await talk(browser, server, {"transports": [transport]})
    assert told["protocol"] == "h2"
    assert told["moves"] == [transport]
    # Of the browsers here one can send a body while it writes it.
    streams = browser.name == "chromium" and transport in ("stream", "sse")
    assert told["asked"].get("up", 0) == int(streams)
    if streams:
        assert told["asked"]["1"] < 20, "else the batches have gone on"


@pytest.mark.timeout(60)
async def test_the_default(browser: Browser, server: Server) -> None:
    told = await talk(browser, server, {})
    assert told["moves"][-1] == "websocket"
