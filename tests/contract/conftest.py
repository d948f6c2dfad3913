"""The contract's parameters: every application over every transport."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

import byway
from tests.conftest import RAISED_ON_PURPOSE
from tests.support.peers import TRANSPORTS, connect
from tests.support.servers import LOG_CONFIG, Server, hypercorn, uvicorn
from tests.support.tls import Authority

APPLICATIONS = ("bareasgi", "starlette", "endpoint")


@dataclass(frozen=True)
class Contract:
    """One cell of the table: an application on a server, reached over a transport.

    Attributes:
        application: "bareasgi", "starlette", "endpoint", or "http2": the endpoint on Hypercorn,
            asked over HTTP/2.
        transport: the transport's name.
        server: the server, with byway's own bounds.
        options: more that a client has to know.
    """

    application: str
    transport: str
    server: Server
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def tls(self) -> bool:
        """Whether the server speaks TLS."""
        return "ssl" in self.options

    def url(self, path: str, *, scheme: str = "http") -> str:
        """Return an address of a handler."""
        return self.server.url(path, scheme=scheme + "s" if self.tls else scheme)

    def connect(self, path: str, **options: Any) -> AbstractAsyncContextManager[byway.Channel]:
        """Connect to a handler."""
        return connect(self.url(path), self.transport, **self.options, **options)


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


# HTTP/2 with the WebSocket only: httpcore 1.0 may let the others stand still, see http2.WANTED.
CELLS = [(one, transport) for one in APPLICATIONS for transport in TRANSPORTS]
CELLS.append(("http2", "websocket"))


@pytest.fixture(params=CELLS, ids="-".join)
def contract(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Contract:
    """Give one cell of the table."""
    application, transport = request.param
    server = request.getfixturevalue(f"{application}_server")
    if application != "http2":
        return Contract(application, transport, server)
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    options = {"ssl": request.getfixturevalue("authority").context()}
    return Contract(application, transport, server, options)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a certificate authority."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def http2_server(authority: Authority) -> Iterator[Server]:
    """Serve the handler of the endpoint with Hypercorn over TLS, HTTP/2 offered."""
    options = ["--keyfile", authority.key_file, "--certfile", authority.certificate_file]
    options += ["--log-config", f"json:{LOG_CONFIG}"]
    with hypercorn("tests.apps.endpoint_app:app", *map(str, options)) as server:
        yield server
    # Not what asyncio says: Hypercorn 0.18 fails, and ends the connection, where more comes on a
    # stream that it has ended (its issue 329), such as the answer to its close.
    assert [one for one in server.tracebacks() if not one.startswith(RAISED_ON_PURPOSE)] == []


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
