"""The proxies, which run from the first test that needs them to the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.proxies.world import World
from tests.support.tls import Authority


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give all proxies; none is started before it is asked for."""
    with ExitStack() as stack:
        authority = Authority(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")
        world = World(stack, authority)
        yield world
        world.terminate()
