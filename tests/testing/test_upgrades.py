"""Rules about handshakes and tunnels, against a raw tunnel and a real WebSocket client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect as websocket_connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from byway import UsageError
from byway.testing import (
    DropSubprotocol,
    KillAfterUpgrade,
    MuteAfterUpgrade,
    Network,
    RefuseUpgrade,
    StripUpgrade,
    SwallowUpgrade,
)
from tests.testing.clients import UPGRADE, raw_client
from tests.testing.origin import Origin


async def test_a_websocket_passes_an_open_network() -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Network(port) as network:
            async with websocket_connect(network.ws_url, proxy=None) as socket:
                for message in ("text", b"\0binary", "x" * 200_000):
                    await socket.send(message)
                    assert await socket.recv() == message
            assert socket.close_code == 1000
            assert (network.counters.upgrades, network.counters.tunnels) == (1, 1)


@pytest.mark.parametrize("status", [403, 400, 426])
async def test_an_upgrade_is_refused_and_the_rest_passes(
    origin: Origin, http: httpx.AsyncClient, status: int
) -> None:
    async with Network(origin.port, RefuseUpgrade(status)) as network:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websocket_connect(network.ws_url, proxy=None):
                pass
        assert refused.value.response.status_code == status
        assert not origin.seen
        assert (await http.get(network.url)).text == "hello"
        assert (network.counters.answered, network.counters.passed) == (1, 1)


async def test_a_stripped_upgrade_arrives_as_a_plain_get(origin: Origin) -> None:
    async with Network(origin.port, StripUpgrade()) as network, raw_client(network.port) as client:
        await client.send(UPGRADE)
        assert await client.status() == 200
        seen = await origin.request()
        assert seen.line == "GET /raw HTTP/1.1"
        assert seen.header("upgrade") is None
        assert seen.header("connection") is None
        assert seen.header("sec-websocket-key") is not None


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_the_subprotocol_is_dropped_on_its_way(direction: Literal["up", "down"]) -> None:
    async def tell(socket: ServerConnection) -> None:
        await socket.send(str(socket.subprotocol))

    def first(socket: ServerConnection, offers: Sequence[Subprotocol]) -> Subprotocol | None:
        return offers[0] if offers else None

    async with serve(tell, "127.0.0.1", 0, select_subprotocol=first) as server:
        port = server.sockets[0].getsockname()[1]
        async with Network(port, DropSubprotocol(direction)) as network:
            url, offers = network.ws_url, [Subprotocol("chat")]
            async with websocket_connect(url, subprotocols=offers, proxy=None) as socket:
                assert socket.subprotocol is None
                assert await socket.recv() == ("None" if direction == "up" else "chat")
    with pytest.raises(UsageError):
        DropSubprotocol("both")  # type: ignore[arg-type]


async def test_a_swallowed_upgrade_is_never_answered(origin: Origin) -> None:
    async with Network(origin.port, SwallowUpgrade()) as network:
        async with raw_client(network.port) as client:
            await client.send(UPGRADE)
            await network.until(lambda: network.counters.swallowed == 1)
            assert network.connections == 1
        await network.until(lambda: network.connections == 0)
    assert not origin.seen


@pytest.mark.parametrize("direction", ["both", "up"])
async def test_after_a_muted_101_nothing_goes_up(origin: Origin, direction: str) -> None:
    rule = MuteAfterUpgrade(direction)  # type: ignore[arg-type]
    async with Network(origin.port, rule) as network, raw_client(network.port) as client:
        await client.upgraded()
        await client.send(b"ping")
        await network.until(lambda: network.counters.muted == 4)
        assert origin.raw == b""
        seen = await origin.request()
        assert not seen.left.is_set()
        client.writer.close()
        await asyncio.wait_for(seen.left.wait(), 10)


async def test_after_a_muted_101_nothing_comes_down(origin: Origin) -> None:
    async with Network(origin.port, MuteAfterUpgrade("down")) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            await client.send(b"ping")
            await network.until(lambda: network.counters.muted == 4)
            assert origin.raw == b"ping"
            network.kill_connections()
            assert await client.rest() == (b"", "reset")


async def test_what_the_server_says_first_vanishes_too() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 x\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\nwelcome")
        writer.close()  # and that it leaves is not heard either

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Network(port, MuteAfterUpgrade()) as network:
            async with raw_client(network.port) as client:
                await client.upgraded()
                await network.until(lambda: network.counters.muted == 7)
                await client.send(b"ping")
                await network.until(lambda: network.counters.muted == 11)
                assert network.connections == 1
        async with Network(port) as network, raw_client(network.port) as client:
            await client.upgraded()
            assert await client.rest() == (b"welcome", "end")


async def test_a_tunnel_is_killed_after_a_while(origin: Origin) -> None:
    loop = asyncio.get_running_loop()
    async with Network(origin.port, KillAfterUpgrade(ms=150)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            start = loop.time()
            await client.send(b"ping")
            assert await client.exactly(4) == b"ping"
            assert await client.rest() == (b"", "reset")
            assert loop.time() - start >= 0.14
            assert network.counters.cut == 1
    await asyncio.wait_for(origin.seen[0].left.wait(), 10)


async def test_a_tunnel_is_killed_after_so_many_bytes(origin: Origin) -> None:
    async with Network(origin.port, KillAfterUpgrade(bytes=100)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            await client.send(b"x" * 40)
            assert await client.exactly(40) == b"x" * 40
            await client.send(b"y" * 12)
            assert await client.exactly(8) == b"y" * 8  # 40 + 40 + 12 + 8 are 100
            assert await client.rest() == (b"", "reset")
            assert origin.raw == b"x" * 40 + b"y" * 12


async def test_bytes_behind_the_handshake_are_not_lost(origin: Origin) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.send(UPGRADE + b"early")
        assert await client.status() == 101
        assert await client.exactly(5) == b"early"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="ms or bytes"):
        KillAfterUpgrade()
    with pytest.raises(UsageError, match="direction"):
        MuteAfterUpgrade("sideways")  # type: ignore[arg-type]
