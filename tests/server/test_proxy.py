"""Forward proxies, by argument and from the environment, through a real Squid.

The servers are addressed by a name that only that proxy can resolve, so whatever arrives has
gone through it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

import byway
from tests.support.peers import connect, exchange
from tests.support.process import free_port
from tests.support.proxies import Proxy, squid
from tests.support.servers import Server, uvicorn

NAME = "only-the-proxy-knows.test"
MESSAGES: list[str | bytes] = ["text", b"binary", "", b"", "two\r\nlines", "🛣" * 100_000]


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """Run Squid."""
    with squid(hosts=f"127.0.0.1 {NAME}\n") as one:
        yield one


def hidden(server: Server, path: str) -> str:
    """Return a server's address under the name that only the proxy knows."""
    return f"http://{NAME}:{server.port}{path}"


async def test_the_name_is_unknown_without_the_proxy(
    endpoint_server: Server, transport: str
) -> None:
    with pytest.raises(byway.NoTransport):
        async with connect(hidden(endpoint_server, "/echo"), transport, open_timeout=3.0):
            pass


async def test_a_proxy_by_argument(endpoint_server: Server, proxy: Proxy, transport: str) -> None:
    url = hidden(endpoint_server, "/echo")
    async with connect(url, transport, proxy=proxy.url()) as channel:
        assert channel.transport == transport
        assert await exchange(channel, *MESSAGES) == MESSAGES


async def test_a_proxy_that_is_away_does_not_count_as_a_server_that_is_gone() -> None:
    """It may come back within the window, which is waited for to its end."""
    with uvicorn("tests.apps.endpoint_app:brief") as server, squid() as away:
        url = server.url("/echo")
        async with connect(url, "stream", proxy=away.url(), memory=False) as channel:
            assert await exchange(channel, "hello") == ["hello"]
            away.program.kill()
            async with asyncio.timeout(30):
                assert await channel.receive() is None
            assert (channel.code, channel.reason) == (1006, "no carrier for 12 s")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment(
    endpoint_server: Server,
    proxy: Proxy,
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, proxy.url())
    url = hidden(endpoint_server, "/echo")
    async with connect(url, transport, proxy=True) as channel:
        assert await exchange(channel, *MESSAGES) == MESSAGES


async def test_the_environments_proxy_is_the_default(
    endpoint_server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url())
    async with byway.connect(hidden(endpoint_server, "/echo")) as channel:
        assert await exchange(channel, "hello") == ["hello"]


async def test_no_proxy_is_respected(
    endpoint_server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy that the environment names is dead, so only what goes past it arrives."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    url = endpoint_server.url("/echo")
    with pytest.raises(byway.NoTransport):
        async with connect(url, transport, proxy=True, open_timeout=1.0):
            pass
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    async with connect(url, transport, proxy=True) as channel:
        assert await exchange(channel, "hello") == ["hello"]


async def test_none_means_no_proxy_whatever_the_environment_says(
    endpoint_server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    async with connect(endpoint_server.url("/echo"), transport, proxy=None) as channel:
        assert await exchange(channel, "hello") == ["hello"]


async def test_headers_arrive_through_the_proxy(
    endpoint_server: Server, proxy: Proxy, transport: str
) -> None:
    headers = [("authorization", "Bearer t"), ("x-mine", "1"), ("cookie", "a=1")]
    url = hidden(endpoint_server, "/info")
    async with connect(url, transport, proxy=proxy.url(), headers=headers) as channel:
        got = json.loads(str(await channel.receive()))
    seen = [tuple(pair) for pair in got["headers"]]
    assert set(headers) <= set(seen)


async def test_a_proxy_that_refuses_the_websockets_tunnel_is_passed_by_the_stream(
    endpoint_server: Server,
) -> None:
    """As many do: CONNECT is for port 443 only, but plain HTTP passes."""
    rules = "acl CONNECT method CONNECT\nhttp_access deny CONNECT\n"
    with squid(rules, hosts=f"127.0.0.1 {NAME}\n") as strict:
        url = hidden(endpoint_server, "/echo")
        async with connect(url, proxy=strict.url()) as channel:
            assert channel.transport == "stream"
            assert await exchange(channel, *MESSAGES) == MESSAGES
        with pytest.raises(byway.NoTransport, match="403"):
            async with connect(url, "websocket", proxy=strict.url(), open_timeout=1.0):
                pass
