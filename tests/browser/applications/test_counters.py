"""NiceGUI, Shiny and marimo as their users write them: a click, the server's state, the page.

In each network another transport carries the page's socket, which the application's own script
makes. Then every connection is cut between two clicks; byway may go on over another transport.
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


@pytest.mark.parametrize("profile", WAYS)
async def test_a_click_reaches_the_server_and_comes_back(
    profile: str, browser: Browser, application: Server, byway_network: NetworkFactory
) -> None:
    network = byway_network(application.port, profile)
    page = await browser.open(network.url + "/")
    page.expect("WebSocket connection", "establish a connection", "was interrupted while")
    await page.evaluate(LOOK)
    await page.evaluate(CLICK, 1)
    assert await page.evaluate("() => sockets.map((one) => one.socket.transport)") == [
        WAYS[profile]
    ]
    for times in (2, 3):
        assert network.kill_connections() > 0
        await page.evaluate(CLICK, times)
    notes = await page.evaluate("() => sockets.map((one) => one.notes)")
    assert len(notes) == 1
    assert not any(note.startswith(("close", "error")) for note in notes[0]), notes
