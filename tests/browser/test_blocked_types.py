"""Pages in a network that blocks responses by their type: they ask for what passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from byway.testing import BlockTypes, Network, RefuseUpgrade
from tests.support.browsers.page import Browser
from tests.support.servers import Server, uvicorn

COUNT = 30

OPEN = """async (url, transports) => {
  const { BywaySocket } = await import("/byway.js")
  const socket = (window.socket = new BywaySocket(url, [], { memory: false, transports }))
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onclose = () => reject(new Error(JSON.stringify(socket.report())))
  })
}"""

ECHO = """async (count) => {
  const came = []
  for (let number = 0; number < count; number++) {
    const message = new Promise((resolve) => (socket.onmessage = resolve))
    socket.send(`${number} ☃`)
    came.push((await message).data)
  }
  return { came, transport: socket.transport }
}"""

CLOSE = """async () => {
  const closed = new Promise((resolve) => (socket.onclose = resolve))
  socket.close(4000, "done")
  return (await closed).code
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve an echo to the pages of any origin."""
    with uvicorn("tests.apps.browser_app:shared") as one:
        yield one
    one.assert_quiet()


@pytest.mark.parametrize("place", ["own origin", "another origin"])
@pytest.mark.parametrize("status", [403, None])
@pytest.mark.parametrize(("transports", "used"), [("stream, sse, poll", "sse"), ("poll", "poll")])
async def test_a_page_asks_for_text_where_the_other_form_is_blocked(
    browser: Browser, server: Server, place: str, status: int | None, transports: str, used: str
) -> None:
    """A page of another origin sees of the gateway's page only that the request failed."""
    rules = (RefuseUpgrade(403), BlockTypes(status=status))
    async with Network(server.port, *rules) as network:
        page = await browser.open(network.url if place == "own origin" else server.url())
        page.expect("")  # browsers complain of every request that fails
        await page.evaluate(OPEN, f"{network.ws_url}/echo", transports)
        wanted = [f"{number} ☃" for number in range(COUNT)]
        first: dict[str, Any] = await page.evaluate(ECHO, COUNT)
        blocked = network.counters.cut
        second: dict[str, Any] = await page.evaluate(ECHO, COUNT)
        assert first["came"] == second["came"] == wanted
        assert second["transport"] == used
        assert await page.evaluate(CLOSE) == 4000
        assert 0 < blocked == network.counters.cut, "what is blocked was asked for again"
