"""Servers that several of these files use, and the transports one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conftest import RAISED_ON_PURPOSE
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server, uvicorn
from tests.support.tls import Authority
from tests.support.wire import http_client


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Name the transport."""
    name: str = request.param
    return name


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client that knows nothing of byway."""
    async with http_client() as client:
        yield client


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a certificate authority."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def plain_server() -> Iterator[Server]:
    """Serve the Starlette application without byway."""
    with uvicorn("tests.apps.starlette_app:plain") as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


@pytest.fixture(scope="session")
def readers_server() -> Iterator[Server]:
    """Serve the handlers for readers."""
    with uvicorn("tests.apps.readers_app:app") as server:
        yield server
    server.assert_quiet()
