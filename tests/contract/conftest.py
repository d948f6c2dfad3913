"""The contract's parameters: every application over every transport, and through real proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

import byway
from byway.testing import BlockTypes, NetworkThread
from tests.conftest import RAISED_ON_PURPOSE
from tests.proxies.variants import BY_NAME
from tests.proxies.world import Way, World
from tests.support.peers import TRANSPORTS, connect
from tests.support.servers import LOG_CONFIG, Server, hypercorn, uvicorn
from tests.support.several import PLACES, Several, serving
from tests.support.tls import Authority, tls_server

APPLICATIONS = ("bareasgi", "starlette", "endpoint")

PROXIES = (
    "nginx/http2",
    "haproxy/tls",
    "haproxy/http2",
    "apache/websocket",
    "caddy/tls",
    "envoy/plain",
    "traefik/tls",
    "squid/tunnel",
    "mitmproxy/streaming",
)
"""One variant of each program, of HAProxy also HTTP/2 from end to end. Envoy's without WebSockets:
it lets go of each a second late, for which every test would wait; tests/proxies has numbered
messages over them."""

TELL_OF_TLS = ("caddy", "envoy", "traefik")
"""Programs that send `X-Forwarded-Proto` by themselves, which uvicorn believes."""

ENDPOINT = "tests.apps.endpoint_app:app"


@dataclass(frozen=True)
class Contract:
    """One cell of the table: an application on a server, reached over a transport.

    Attributes:
        application: "bareasgi", "starlette", "endpoint", or "http2": the endpoint on Hypercorn,
            asked over HTTP/2; "text": the endpoint behind a gateway that blocks every response
            which is not text; "workers" and "servers": the endpoint in several processes; or the
            name of a proxy before the endpoint.
        transport: the transport's name.
        server: the server, with byway's own bounds.
        options: more that a client has to know.
        tls: whether the application is told of TLS.
        way: through a proxy, where there is one.
        gateway: URL of the gateway, where there is one.
        ports: of the processes, where a balancer is before several of them.
    """

    application: str
    transport: str
    server: Server
    options: dict[str, Any] = field(default_factory=dict)
    tls: bool = False
    way: Way | None = None
    gateway: str = ""
    ports: tuple[int, ...] = ()

    def url(self, path: str, *, scheme: str = "http") -> str:
        """Return an address of a handler."""
        if self.way is not None:
            return self.way.url(path).replace("http", scheme, 1)
        if self.gateway:
            return self.gateway.replace("http", scheme, 1) + path
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
CELLS += [("http2", "websocket"), ("text", "sse"), ("text", "poll")]
CELLS += [(one, transport) for one in PLACES for transport in TRANSPORTS]
BEHIND = [(one, transport) for one in PROXIES for transport in BY_NAME[one].works]

CHANGED_BY_PROXIES = {
    "test_the_application_chooses_the_subprotocol",
    "test_headers_and_cookies_of_accept_reach_the_client",
    "test_a_refusal_before_accept_is_a_403",
    "test_a_refusal_with_an_answer_of_its_own_reaches_the_client",
    "test_path_parameters_and_query_string_are_seen",
    "test_cookies_and_headers_are_seen",
    "test_the_client_address_is_seen",
    "test_the_scope_is_that_of_a_websocket",
    "test_each_text_alone_arrives_as_it_was",
    "test_text_and_binary_data_keep_their_kind_and_order",
    "test_an_empty_binary_message_is_a_message",
    "test_a_message_of_one_mebibyte_goes_each_way",
    "test_code_and_reason_of_the_handler_reach_the_client",
    "test_code_and_reason_of_the_client_reach_the_handler",
    "test_what_was_sent_before_the_close_arrives_before_it",
}
"""Tests that run behind proxies too: those of what a proxy reads and may change. These are heads,
kinds and sizes of messages, and how a connection ends. All else is bytes to it, which go through
each proxy by the hundred in tests/proxies, and both ends were seen to keep the rest without one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test of the contract its cells of the table."""
    if "contract" in metafunc.fixturenames:
        cells = CELLS + (BEHIND if metafunc.function.__name__ in CHANGED_BY_PROXIES else [])
        metafunc.parametrize("contract", cells, ids="-".join, indirect=True)


@pytest.fixture
def contract(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Contract:
    """Give one cell of the table."""
    application, transport = request.param
    if application in PROXIES:
        way: Way = request.getfixturevalue("behind")(application)
        told = way.variant.tls and way.variant.program in TELL_OF_TLS
        tls = told or way.variant.origin in ("uvicorn-tls", "hypercorn")
        return Contract(application, transport, way.origin, way.options(), tls, way)
    if application == "text":
        server = request.getfixturevalue("endpoint_server")
        gateway = request.getfixturevalue("gateway")
        return Contract(application, transport, server, gateway=gateway)
    server = request.getfixturevalue(f"{application}_server")
    if application in PLACES:
        return Contract(application, transport, server, ports=server.ports)
    if application != "http2":
        return Contract(application, transport, server)
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    options = {"ssl": request.getfixturevalue("authority").context()}
    return Contract(application, transport, server, options, tls=True)


@pytest.fixture(scope="session")
def behind(
    authority: Authority, endpoint_server: Server, http2_server: Server
) -> Iterator[Callable[[str], Way]]:
    """Give the way through a proxy to the handler of the endpoint, by the variant's name."""
    with ExitStack() as stack:
        world = World(stack, authority)
        ways: dict[str, Way] = {}
        origins = {"uvicorn": endpoint_server, "hypercorn": http2_server}

        def way(name: str) -> Way:
            variant = BY_NAME[name]
            if variant.origin not in origins:
                secured = stack.enter_context(tls_server(ENDPOINT, authority))
                origins[variant.origin] = secured
            if name not in ways:
                ways[name] = world.new_way(variant, stack, origins[variant.origin])
            return ways[name]

        yield way
        for one in ways.values():
            one.proxy.program.terminate()


@pytest.fixture(scope="session")
def gateway(endpoint_server: Server) -> Iterator[str]:
    """Give the URL of a gateway before the endpoint, whose policy is that responses are text."""
    with NetworkThread(endpoint_server.port, BlockTypes()) as network:
        yield network.url
        assert network.counters.cut, "it blocked nothing"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a certificate authority."""
    return Authority(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")


@pytest.fixture(scope="session")
def http2_server(authority: Authority) -> Iterator[Server]:
    """Serve the handler of the endpoint with Hypercorn over TLS, HTTP/2 offered."""
    options = ["--keyfile", authority.key_file, "--certfile", authority.certificate_file]
    options += ["--log-config", f"json:{LOG_CONFIG}"]
    with hypercorn(ENDPOINT, *map(str, options)) as server:
        yield server
    # Not what asyncio says: Hypercorn 0.18 fails, and ends the connection, where more comes on a
    # stream that it has ended (its issue 329), such as the answer to its close.
    assert [one for one in server.tracebacks() if not one.startswith(RAISED_ON_PURPOSE)] == []


@pytest.fixture(scope="session")
def workers_server() -> Iterator[Several]:
    """Serve the handler of the endpoint with four workers of one server."""
    with serving("workers", ENDPOINT) as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


@pytest.fixture(scope="session")
def servers_server() -> Iterator[Several]:
    """Serve the handler of the endpoint with four servers behind HAProxy, and Redis."""
    with serving("servers", ENDPOINT) as server:
        yield server
    server.assert_quiet(*RAISED_ON_PURPOSE)


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
