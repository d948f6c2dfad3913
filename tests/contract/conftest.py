"""The contract's parameters: every application over every transport."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

import byway
from tests.conftest import RAISED_ON_PURPOSE
from tests.support.peers import TRANSPORTS, connect
from tests.support.servers import Server, uvicorn

APPLICATIONS = ("bareasgi", "starlette", "endpoint")


@dataclass(frozen=True)
class Contract:
    """One cell of the table: an application on a server, reached over a transport.

    Attributes:
        application: "bareasgi", "starlette" or "endpoint".
        transport: the transport's name.
        server: the server, with byway's own bounds.
    """

    application: str
    transport: str
    server: Server

    def connect(self, path: str, **options: Any) -> AbstractAsyncContextManager[byway.Channel]:
        """Connect to a handler."""
        return connect(self.server.url(path), self.transport, **options)


@pytest.fixture(params=APPLICATIONS)
def application(request: pytest.FixtureRequest) -> str:
    """Name the application."""
    name: str = request.param
    return name


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Name the transport."""
    name: str = request.param
    return name


@pytest.fixture
def contract(request: pytest.FixtureRequest, application: str, transport: str) -> Contract:
    """Give one cell of the table."""
    return Contract(application, transport, request.getfixturevalue(f"{application}_server"))


@pytest.fixture(scope="session")
def impatient_servers() -> Iterator[dict[str, Server]]:
    """Serve every application with bounds of a second."""
    with (
        uvicorn("tests.apps.bareasgi_app:impatient") as bareasgi,
        uvicorn("tests.apps.starlette_app:impatient") as starlette,
        uvicorn("tests.apps.endpoint_app:impatient") as endpoint,
    ):
        servers = {"bareasgi": bareasgi, "starlette": starlette, "endpoint": endpoint}
        yield servers
    for server in servers.values():
        server.assert_quiet(*RAISED_ON_PURPOSE)
