"""Applications that others wrote, each served once for all its tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.support.browsers.page import Engine
from tests.support.environments import python_of
from tests.support.servers import Server, uvicorn


@pytest.fixture(scope="session", params=["chromium", "firefox"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each browser in turn."""
    one: Engine = request.getfixturevalue(request.param)
    return one


@pytest.fixture(scope="session")
def started() -> Iterator[Callable[[str], Server]]:
    """Start an application at its first use, and keep it: both browsers use one."""
    python = python_of("apps")
    with ExitStack() as stack:

        @cache
        def start(name: str) -> Server:
            serving = uvicorn(f"tests.browser.applications.watched:{name}", python=python)
            return stack.enter_context(serving)

        yield start


@pytest.fixture(params=["nicegui", "shiny", "marimo"])
def application(
    request: pytest.FixtureRequest, started: Callable[[str], Server]
) -> Iterator[Server]:
    """Give each application in turn."""
    server = started(request.param)
    yield server
    assert not server.tracebacks()
