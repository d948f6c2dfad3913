"""The example of the how-to, in browsers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from byway.testing import Network
from tests.support.browsers.page import Browser
from tests.support.servers import Server, uvicorn

SHOWN = """async () => {
  const output = document.querySelector("output")
  while (!output.textContent) await new Promise((resolve) => setTimeout(resolve, 10))
  return output.textContent
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve the example."""
    with uvicorn("examples.browser_echo:app") as one:
        yield one
    one.assert_quiet()


@pytest.mark.parametrize(("profile", "used"), [("open", "websocket"), ("refuse-403", "stream")])
async def test_the_page_says_what_came_back(
    browser: Browser, server: Server, profile: str, used: str
) -> None:
    async with Network(server.port, profile) as network:
        page = await browser.open(network.url)
        page.expect("")  # browsers tell of every connection that fails, or is there when they leave
        assert await page.evaluate(SHOWN) == f"are you there?, over {used}"
