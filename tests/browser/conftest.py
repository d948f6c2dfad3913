"""Real browsers, and servers whose pages they show.

A test that takes `browser` runs in every browser, with an empty profile each time:

    async def test_title(browser: Browser, byway_pages: Server) -> None:
        page = await browser.open(byway_pages.url("/"))
        assert await page.evaluate("() => document.title") == "empty"

`@needs(FREEZE)` runs it only in the browsers that are able to. What pages complain about by
themselves fails the test, unless `page.expect(pattern)` let it pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.browser.engines import ENGINES
from tests.support.browsers.page import Browser, Engine
from tests.support.servers import Server, uvicorn


@pytest.fixture(scope="session")
def chromium() -> Iterator[Engine]:
    """Run Chromium."""
    with ENGINES["chromium"].running() as engine:
        yield engine


@pytest.fixture(scope="session")
def firefox() -> Iterator[Engine]:
    """Run Firefox."""
    with ENGINES["firefox"].running() as engine:
        yield engine


@pytest.fixture(scope="session")
def webkit() -> Iterator[Engine]:
    """Run WebKitGTK's MiniBrowser."""
    with ENGINES["webkit"].running() as engine:
        yield engine


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each browser in turn; the program of each is started once."""
    one: Engine = request.getfixturevalue(request.param)
    return one


@pytest.fixture
async def browser(engine: Engine) -> AsyncIterator[Browser]:
    """Give a browser with an empty profile, and judge at the end what its pages complained of."""
    async with engine.browser() as browser:
        yield browser
    wrong = [one for page in browser.pages for one in page.unexpected()]
    assert not wrong, f"complaints of pages: {wrong}"


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
