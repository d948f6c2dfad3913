"""NiceGUI, Shiny and marimo as their users write them: a click, the server's state, the page.

In each network another transport carries the page's socket, which the application's own script
makes. Then every connection is cut between two clicks; byway may go on over another transport.
Pages that open behind such networks are those of tests/browser/libraries.
"""

from __future__ import annotations

import pytest

from pytest_byway import NetworkFactory
from tests.support.browsers.page import Browser
from tests.support.servers import Server

WAYS = {
    "open": "websocket",
    "refuse-403": "stream",
    "file-types": "sse",
    "refuse-403-buffered": "poll",
}

LOOK = """() => {
  // Some draw into shadow trees.
  const all = (root) => [...root.querySelectorAll("*")].flatMap(
    (one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])])
  globalThis.button = () => all(document).find(
    (one) => one.localName === "button" && one.textContent.trim().toLowerCase() === "click")
  globalThis.shows = (text) => all(document).some(
    (one) => one.localName !== "script" && one.textContent.includes(text))
  return until(() => button() && shows("clicked 0 times"))
}"""

CLICK = """(times) => {
  button().click()
  return until(() => shows(`clicked ${times} times`))
}"""


CARRIED = """(transport) => until(
  () => sockets.length === 1 && sockets[0].socket.transport === transport)"""


@pytest.mark.timeout(120)
async def test_a_click_reaches_the_server_and_comes_back(
    browser: Browser, application: Server, byway_network: NetworkFactory
) -> None:
    """One page is taken through all networks: most of the time would go into loading it."""
    network = byway_network(application.port)
    page = await browser.open(network.url + "/")
    page.expect("WebSocket connection", "establish a connection", "was interrupted while")
    await page.evaluate(LOOK)
    clicks = 0
    for profile, transport in WAYS.items():
        network.use(profile)
        if clicks:
            assert network.kill_connections() > 0
        clicks += 1
        await page.evaluate(CLICK, clicks)
        await page.evaluate(CARRIED, transport)
        for _ in range(2):
            assert network.kill_connections() > 0
            clicks += 1
            await page.evaluate(CLICK, clicks)
    notes = await page.evaluate("() => sockets.map((one) => one.notes)")
    assert len(notes) == 1
    assert not any(note.startswith(("close", "error")) for note in notes[0]), notes
