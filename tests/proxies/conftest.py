"""The proxies, which run from the first test that needs them to the end, and their clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from tests.proxies.clients import Opener, python
from tests.proxies.matrix import CLIENTS
from tests.proxies.pages import pages
from tests.proxies.world import World
from tests.support.browsers.page import Engine
from tests.support.tls import Authority


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give all proxies; none is started before it is asked for."""
    with ExitStack() as stack:
        authority = Authority(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")
        world = World(stack, authority)
        yield world
        world.terminate()
        world.assert_quiet()


@pytest.fixture(scope="session")
def everyone(chromium: Engine, firefox: Engine) -> tuple[Opener, ...]:
    """Give all clients."""
    return python, partial(pages, chromium), partial(pages, firefox)


@pytest.fixture(scope="module", params=CLIENTS)
def opener(request: pytest.FixtureRequest) -> Opener:
    """Give each client in turn."""
    return (
        python
        if request.param == "python"
        else partial(pages, request.getfixturevalue(request.param))
    )
