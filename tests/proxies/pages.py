"""What a page is made to do through a proxy.

Knows: the functions that run in a page.
Must not know: which proxy is on the way.
"""

from __future__ import annotations

from typing import Any, Final

from tests.proxies.world import Way
from tests.support.browsers.page import Browser, BrowserError, Page

_TALK: Final = """async (path, words, options, stay) => {
  const { BywaySocket } = await import("/byway.js")
  const url = `${location.origin.replace("http", "ws")}${path}`
  const socket = new BywaySocket(url, [], { memory: false, ...options })
  const [{ nextHopProtocol: protocol }] = performance.getEntriesByType("navigation")
  const told = { moves: [], protocol }
  socket.addEventListener("transport", ({ detail }) => told.moves.push(detail))
  socket.addEventListener("open", () => words && socket.send(words))
  await new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve((told.answer = data)))
    socket.addEventListener("close", ({ code }) => resolve((told.closed = code)))
  })
  await new Promise((resolve) => setTimeout(resolve, stay * 1000))
  told.transport = socket.transport
  if (told.closed) told.report = socket.report()
  socket.close()
  return told
}"""

_COUNT: Final = """async (count, seconds, options) => {
  const { BywaySocket } = await import("/byway.js")
  const { run } = await import("/counted.js")
  const url = location.origin.replace("http", "ws")
  return run(BywaySocket, url, count, seconds, { memory: false, ...options })
}"""


_LOAD: Final = """async () => {
  await import("/byway.js")
  await import("/counted.js")
}"""

TRIES: Final = 3
"""How often a page asks for its modules: Hypercorn lets an HTTP/2 connection hang now and then."""


async def visit(browser: Browser, way: Way) -> Page:
    """Open an empty page of the origin behind a proxy, with its modules loaded."""
    page = await browser.open(way.url("/"))
    page.expect("")  # browsers complain of every connection that fails
    for left in reversed(range(TRIES)):
        try:
            await page.evaluate(_LOAD)
            break
        except BrowserError:
            if not left:
                raise
    return page


async def talk(
    page: Page, path: str, words: str, *, stay: float = 0.0, **options: Any
) -> dict[str, Any]:
    """Say one thing and wait for the first message; return what was seen.

    Args:
        page: of the origin.
        path: of the endpoint.
        words: what to say; "" for nothing.
        stay: seconds to wait then for a better transport.
        options: of BywaySocket.
    """
    told: dict[str, Any] = await page.evaluate(_TALK, path, words, options, stay)
    return told


async def count(page: Page, number: int, seconds: float, **options: Any) -> dict[str, Any]:
    """Exchange numbered messages; return what was counted."""
    told: dict[str, Any] = await page.evaluate(_COUNT, number, seconds, options)
    return told
