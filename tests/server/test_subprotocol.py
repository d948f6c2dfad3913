"""A proxy that drops `Sec-WebSocket-Protocol`, from the 101 or from the handshake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

import byway
from byway.handshake import Open
from byway.testing import DropSubprotocol, Network, RefuseUpgrade
from byway.transports import plain as plain_module
from tests.support.peers import connect, exchange
from tests.support.servers import Server

COUNT = 50

OPENING = Open(
    instance="I", transport="websocket", received=0, room=1, heartbeat=10.0, window=30.0,
    silence=25.0, part=1024, batch=1024, transports=("websocket",), subprotocol=None,
).frame()  # fmt: skip


@pytest.mark.parametrize("direction", ["down", "up"])
async def test_the_session_goes_on_over_http_nothing_is_lost_and_the_handler_runs_once(
    direction: str, starlette_server: Server
) -> None:
    mark = starlette_server.log.mark()
    rule = DropSubprotocol(direction)  # type: ignore[arg-type]
    async with Network(starlette_server.port, rule) as network:
        async with connect(f"{network.url}/ending?id={direction}", memory=False) as channel:
            for number in range(COUNT):
                await channel.send(f"number {number}")
            assert channel.transport != "websocket"
            report = channel.report()
        assert channel.code == 1000
    name = direction
    await starlette_server.log.seen(
        f"{name} got {COUNT} messages, the last 'number {COUNT - 1}'", since=mark
    )
    began = [line for line in starlette_server.log.since(mark) if f"{name} began" in line]
    assert len(began) == 1
    found = report.finding("websocket")
    assert "Sec-WebSocket-Protocol" in found.why
    assert "Sec-WebSocket-Protocol" in found.advice
    assert report.served


@pytest.mark.parametrize(
    ("direction", "outcome"), [("down", "refused (not byway)"), ("up", "refused (400)")]
)
async def test_where_nothing_but_a_websocket_is_allowed_it_says_why(
    direction: str, outcome: str, starlette_server: Server
) -> None:
    rule = DropSubprotocol(direction)  # type: ignore[arg-type]
    async with Network(starlette_server.port, rule) as network:
        with pytest.raises(byway.NoTransport, match="Sec-WebSocket-Protocol") as caught:
            async with connect(f"{network.url}/echo", "websocket"):
                pass
    assert caught.value.report is not None
    assert caught.value.report.finding("websocket").outcome == outcome


async def test_a_session_that_is_to_be_promoted_is_not_disturbed(starlette_server: Server) -> None:
    async with Network(starlette_server.port, RefuseUpgrade()) as network:
        async with connect(f"{network.url}/echo", memory=False) as channel:
            assert await exchange(channel, "one") == ["one"]
            network.use(DropSubprotocol())
            before = network.counters.upgrades
            network.kill_connections()  # so that all is tried again
            for number in range(20):
                assert await exchange(channel, f"{number}") == [f"{number}"]
            await network.until(lambda: network.counters.upgrades > before)
            assert await exchange(channel, "last") == ["last"]
            assert channel.transport != "websocket"


@asynccontextmanager
async def serving(
    handler: Callable[[ServerConnection], object], **options: object
) -> AsyncIterator[str]:
    """Serve plain WebSockets with a library that knows nothing of byway."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_plain_server_that_speaks_first_loses_no_message() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.send("first")
        await socket.send(b"\x11\x00\x00\x00\x02{}")  # of the form of OPEN, and not the first
        async for message in socket:
            await socket.send(message)

    async with serving(handler) as url, connect(url) as channel:
        assert await channel.receive() == "first"
        assert await channel.receive() == b"\x11\x00\x00\x00\x02{}"
        assert await exchange(channel, "echo") == ["echo"]
        assert not channel.report().served


@pytest.mark.parametrize("first", [b"\x11", b"\x11\x00\x00\x00\x02{}", b"\x11" * 200_000, b"", ""])
async def test_what_only_looks_like_byways_is_a_message_of_a_plain_server(
    first: bytes | str,
) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.send(first)
        await socket.wait_closed()

    async with serving(handler) as url, connect(url) as channel:
        assert await channel.receive() == first


async def test_a_plain_server_that_closes_at_once_is_heard() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.send("bye")
        await socket.close(4321, "enough")

    async with serving(handler) as url, connect(url) as channel:
        assert [message async for message in channel] == ["bye"]
        assert (channel.code, channel.reason) == (4321, "enough")


async def test_a_subprotocol_that_a_plain_server_chose_needs_no_other_sign() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serving(handler, subprotocols=["chat"], ping_interval=None) as url:
        async with connect(url, subprotocols=["chat"]) as channel:
            assert channel.subprotocol == "chat"


async def test_an_open_that_a_pong_has_overtaken_never_reaches_the_application() -> None:
    go = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        await go.wait()
        await socket.send(OPENING)
        await socket.wait_closed()

    async with serving(handler) as url, connect(url) as channel:
        go.set()
        assert await channel.receive() is None
        assert channel.code == 1002


def test_what_parses_as_open_is_one() -> None:
    assert plain_module.is_opening(OPENING)
    assert plain_module.is_opening(OPENING + OPENING)
    assert not plain_module.is_opening(OPENING[:-1])
    assert not plain_module.is_opening(OPENING.decode("latin-1"))
