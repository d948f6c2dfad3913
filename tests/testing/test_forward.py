"""As a forward proxy: absolute targets, CONNECT, TLS inside it, and nothing but the loopback."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ProxyError

import byway
from byway.testing import (
    FailWith,
    KillAfterUpgrade,
    MuteAfterUpgrade,
    Network,
    RefuseConnect,
)
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server
from tests.support.tls import Authority, tls_server
from tests.testing.clients import raw_client
from tests.testing.origin import Origin


async def test_absolute_targets_pass_in_origin_form(origin: Origin) -> None:
    async with Network() as network:
        async with httpx.AsyncClient(proxy=network.url, trust_env=False) as client:
            answer = await client.post(f"http://127.0.0.1:{origin.port}/up?x=y", content=b"up")
            assert answer.text == "up"
            answer = await client.get(f"http://user:word@127.0.0.1:{origin.port}")
            assert answer.text == "hello"
        assert [one.line for one in origin.seen] == ["POST /up?x=y HTTP/1.1", "GET / HTTP/1.1"]
        assert origin.seen[0].header("proxy-connection") is None
        assert network.requests[0].target == "/up?x=y"


async def test_connect_makes_a_tunnel(origin: Origin) -> None:
    async with Network() as network, raw_client(network.port) as client:
        await client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await client.status() == 200
        await client.upgraded()
        await client.send(b"through")
        assert await client.exactly(7) == b"through"
        assert network.counters.tunnels == 1
        assert network.counters.upgrades == 0  # what is inside is not looked at


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_byway_passes_tls_inside_connect(transport: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with tls_server("tests.apps.endpoint_app:app", authority) as server:
        async with Network() as network:
            async with byway.connect(
                server.url("/echo", scheme="https"),
                transports=[transport],
                ssl=authority.context(),
                proxy=network.url,
            ) as channel:
                await channel.send("secret")
                assert await channel.receive() == "secret"
            assert network.counters.tunnels >= 1
            assert {one.method for one in network.requests} == {"CONNECT"}


async def test_an_https_origin_is_spoken_to_in_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with tls_server("tests.apps.endpoint_app:app", authority) as server:
        url = server.url("", scheme="https")
        async with Network(url, origin_ssl=authority.context()) as network:
            async with byway.connect(f"{network.url}/echo", proxy=None) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
                assert channel.transport == "websocket"
        async with Network(url, origin_ssl=ssl.create_default_context()) as network:
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(network.url)).status_code == 502  # it is not trusted


async def test_squid_lets_http_pass_where_plain_websockets_do_not(endpoint_server: Server) -> None:
    async with Network(None, "squid") as network:
        with pytest.raises(ProxyError):
            async with websocket_connect(
                endpoint_server.url("/echo", scheme="ws"), proxy=network.url
            ):
                pass
        assert [one.method for one in network.requests] == ["CONNECT"]
        async with byway.connect(endpoint_server.url("/echo"), proxy=network.url) as channel:
            await channel.send("through")
            assert await channel.receive() == "through"
            assert channel.transport == "stream"


async def test_rules_for_connect(origin: Origin) -> None:
    request = f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for rule, status in (
        (RefuseConnect(), 403),
        (RefuseConnect(405, ports=(1, 2)), 405),
        (RefuseConnect(ports=(origin.port,)), 200),
        (FailWith(503, methods=("CONNECT",)), 503),
    ):
        async with Network(None, rule) as network, raw_client(network.port) as client:
            await client.send(request)
            assert await client.status() == status
    async with Network(None, KillAfterUpgrade(bytes=5, connect=True)) as network:
        async with raw_client(network.port) as client:
            await client.send(request)
            assert await client.status() == 200
            await client.send(b"a request")
            assert await client.rest() == (b"", "reset")
    async with Network(None, MuteAfterUpgrade(connect=True)) as network:
        async with raw_client(network.port) as client:
            await client.send(request)
            assert await client.status() == 200
            await client.send(b"a request")
            await network.until(lambda: network.counters.muted == 9)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET http://192.0.2.1/ HTTP/1.1", 403),
        ("CONNECT 192.0.2.1:443 HTTP/1.1", 403),
        ("CONNECT example.test:443 HTTP/1.1", 403),
        ("CONNECT nonsense HTTP/1.1", 400),
        ("GET ftp://127.0.0.1/ HTTP/1.1", 400),
        ("GET http://[::1/ HTTP/1.1", 400),
        ("GET / HTTP/1.1", 400),
        ("CONNECT 127.0.0.1:1 HTTP/1.1", 502),
        ("CONNECT 127.0.0.1:99999 HTTP/1.1", 400),
    ],
)
async def test_the_world_cannot_be_reached_by_it(request_line: str, status: int) -> None:
    async with Network() as network, raw_client(network.port) as client:
        await client.send(f"{request_line}\r\nHost: x\r\n\r\n".encode())
        assert await client.status() == status


async def test_it_need_not_be_a_forward_proxy(origin: Origin) -> None:
    async with Network(origin.port, forward=False) as network, raw_client(network.port) as client:
        await client.send(b"GET http://192.0.2.1/size/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.status() == 200  # an origin takes absolute targets too, as its own
        assert await client.exactly(1) == b"x"
        await client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await client.status() == 400
