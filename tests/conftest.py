"""What all tests share: a clean environment, the servers and browsers that live through the run."""

from __future__ import annotations

import os

# Here httpx2 is installed, for Starlette's TestClient. Tests run with httpx all the same, which is
# what users get; tests/test_http_library.py runs some with httpx2. Before byway is imported.
os.environ.setdefault("BYWAY_HTTP", "httpx")

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import xdist
from xdist.remote import Producer

from byway.negotiation.memory import SHARED
from tests.browser.engines import ENGINES
from tests.support.browsers.page import Browser, Engine
from tests.support.servers import Server, uvicorn
from tests.support.side_by_side import ByUnit, Room, place

RAISED_ON_PURPOSE = (
    "tests.apps.handlers.ExpectedFailure",
    "KeyError: 'text'",  # bareASGI 4.4.1 at an empty binary message, see the contract suite
)


pytest_plugins = ("tests.support.interrupt",)


def pytest_xdist_auto_num_workers() -> int:
    """Share a run among two processes a core, up to six: tests wait for most of their time.

    All of them took 2,500 s of processor time, and 5,800 s until they had ended (December 2026).
    """
    return min(2 * (os.cpu_count() or 1), 6)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByUnit:
    """Share the tests of a run out as side_by_side.py says."""
    return ByUnit(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Put what takes longest in front where several processes share a run."""
    if xdist.is_xdist_worker(session):
        items.sort(key=lambda one: place(one.nodeid))


ROOM = pytest.StashKey[Room]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a room for the tests where several processes share a run."""
    if xdist.is_xdist_worker(session):
        session.config.stash[ROOM] = Room(Path(str(session.config.getoption("basetemp"))).parent)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Wait for the room, before the time that the test may take begins."""
    room = item.config.stash.get(ROOM, None)
    if room is None:
        return (yield)
    room.enter(item.nodeid)
    try:
        return (yield)
    finally:
        room.leave(item.nodeid, nextitem.nodeid if nextitem else "")


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
