"""An `Endpoint` in each kind of route that Starlette has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import byway
from tests.support.peers import TRANSPORTS, connect, exchange
from tests.support.servers import Server, uvicorn

OVER_HTTP = [one for one in TRANSPORTS if one != "websocket"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve it."""
    with uvicorn("tests.apps.routed_app:app") as one:
        yield one
    one.assert_quiet()


@pytest.mark.parametrize("path", ["/both", "/mount/", "/mount/further"])
async def test_two_routes_or_a_mount_carry_all(server: Server, path: str, transport: str) -> None:
    async with connect(server.url(path), transport) as channel:
        assert await exchange(channel, "hello", b"") == ["hello", b""]


@pytest.mark.parametrize("transport", OVER_HTTP)
async def test_a_route_carries_what_is_http(server: Server, transport: str) -> None:
    async with connect(server.url("/route"), transport) as channel:
        assert await exchange(channel, "hello") == ["hello"]


async def test_behind_a_route_a_client_finds_another_transport(server: Server) -> None:
    """Starlette gives a `Route` no WebSockets."""
    async with byway.connect(server.url("/route"), proxy=None, memory=False) as channel:
        assert channel.transport == "stream"


async def test_without_a_mount_s_slash_the_client_says_so(server: Server) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with byway.connect(server.url("/mount"), proxy=None, memory=False):
            pass
    said = [one.error for one in caught.value.attempts if one.transport != "websocket"]
    assert said
    assert all("a slash at the end: if your URL has none, add it" in one for one in said)
