"""Real browsers, and servers whose pages they show.

A test that takes `browser` runs in every browser, with an empty profile each time:

    async def test_title(browser: Browser, byway_pages: Server) -> None:
        page = await browser.open(byway_pages.url("/"))
        assert await page.evaluate("() => document.title") == "empty"

`@needs(FREEZE)` runs it only in the browsers that are able to. What pages complain about by
themselves fails the test, unless `page.expect(pattern)` let it pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import Server, uvicorn


@pytest.fixture(scope="session")
def plain_pages() -> Iterator[Server]:
    """Serve the pages and their WebSockets without byway."""
    with uvicorn("tests.apps.browser_app:plain") as server:
        yield server
    server.assert_quiet()


@pytest.fixture(scope="session")
def byway_pages() -> Iterator[Server]:
    """Serve the pages and their WebSockets through byway's middleware."""
    with uvicorn("tests.apps.browser_app:app") as server:
        yield server
    server.assert_quiet()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Serve the pages, and an endpoint that counts, with a heartbeat of a second."""
    with uvicorn("tests.apps.counted_app:app") as one:
        yield one
    one.assert_quiet()
