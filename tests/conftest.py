"""What all tests share: a clean environment, the servers and browsers that live through the run."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from byway.negotiation.memory import SHARED
from tests.browser.engines import ENGINES
from tests.support.browsers.page import Browser, Engine
from tests.support.servers import Server, uvicorn

RAISED_ON_PURPOSE = (
    "tests.apps.handlers.ExpectedFailure",
    "KeyError: 'text'",  # bareASGI 4.4.1 at an empty binary message, see the contract suite
)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As where a shell has started the run in the background: programs that tests start and
    # interrupt would inherit it, and go on for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the proxies of the machine out of the tests; a test that wants one sets it."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Begin each test without a memory: a free port may be given again to another network."""
    SHARED.clear()


@pytest.fixture(scope="session")
def starlette_server() -> Iterator[Server]:
    """Serve the contract suite's Starlette application."""
    with uvicorn("tests.apps.starlette_app:app") as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


@pytest.fixture(scope="session")
def bareasgi_server() -> Iterator[Server]:
    """Serve the contract suite's bareASGI application."""
    with uvicorn("tests.apps.bareasgi_app:app") as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


@pytest.fixture(scope="session")
def endpoint_server() -> Iterator[Server]:
    """Serve the contract suite's handler."""
    with uvicorn("tests.apps.endpoint_app:app") as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


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
