"""Libraries' pages in real browsers, behind networks that let WebSockets through or do not.

A test that takes `way` runs in three networks, and says with `way.transport` what must carry the
library in each:

    async def test_it(browser: Browser, way: Way, visit: Visit) -> None:
        page = await visit(way.profile)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from byway.testing import NetworkThread
from pytest_byway import NetworkFactory
from tests.browser.libraries.site import PACKAGES
from tests.support.browsers.page import Browser, Engine, Page
from tests.support.process import part_is_missing
from tests.support.servers import Server, uvicorn


@dataclass(frozen=True, slots=True)
class Way:
    """A network, and what carries a library in it.

    Attributes:
        profile: the network's name.
        transport: what has to be in use.
    """

    profile: str
    transport: str


WAYS = (
    Way("open", "websocket"),
    Way("refuse-403", "stream"),
    Way("refuse-403-buffered", "poll"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    """A page behind a network of its own.

    Attributes:
        page: the page.
        network: what is between it and the server.
    """

    page: Page
    network: NetworkThread

    async def notes(self) -> list[list[str]]:
        """Return what each socket that the library made has told it, in order."""
        found: list[list[str]] = await self.page.evaluate("() => sockets.map((one) => one.notes)")
        return found

    async def transports(self) -> list[str | None]:
        """Return what carries each socket now; None where it is closed."""
        found: list[str | None] = await self.page.evaluate(
            "() => sockets.map((one) => one.socket.transport)"
        )
        return found

    async def cut_while(self, count: str, times: int = 3) -> None:
        """Cut all connections again and again, each time as soon as something has gone on.

        Args:
            count: an expression of the page that grows.
            times: how often.
        """
        for _ in range(times):
            script = f"async () => {{ const now = {count}; await until(() => {count} > now + 5) }}"
            await self.page.evaluate(script)
            assert self.network.kill_connections() > 0


Visit = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="session", params=["chromium", "firefox"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each browser in turn. What WebKit does to byway itself, the cases show."""
    one: Engine = request.getfixturevalue(request.param)
    return one


@pytest.fixture(scope="session")
def packages() -> None:
    """Skip what needs npm packages where they are not installed."""
    if not (PACKAGES / ".set-up").exists():
        part_is_missing("the npm packages of tests/browser/libraries are not installed: make test")


@pytest.fixture(params=WAYS, ids=lambda one: one.profile)
def way(request: pytest.FixtureRequest) -> Way:
    """Give each network in turn."""
    one: Way = request.param
    return one


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, packages: None) -> Iterator[Server]:
    """Serve the application that the test file names as `APP`."""
    app: str = request.module.APP
    with uvicorn(app) as server:
        yield server
    server.assert_quiet()


@pytest.fixture
def visit(browser: Browser, server: Server, byway_network: NetworkFactory) -> Visit:
    """Open pages of the server, each behind a network of its own, with an origin of its own."""

    async def open_page(profile: str, path: str = "/", **options: Any) -> Tab:
        network = byway_network(server.port, profile, **options)
        page = await browser.open(network.url + path)
        # What browsers say by themselves of the WebSocket that is tried and refused, or cut.
        page.expect("WebSocket connection", "establish a connection", "was interrupted while")
        return Tab(page, network)

    return open_page
