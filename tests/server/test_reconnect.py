"""One session after another: what ends the loop, and what does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

import byway
from byway.client import reconnect
from byway.testing import Network
from tests.support.peers import TRANSPORTS, exchange
from tests.support.servers import Server, uvicorn


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long."""
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(reconnect, "LAST_PAUSE", 0.2)


def connect(url: str, transport: str, open_timeout: float = 15.0) -> byway.connect:
    """Return what gives one session after another."""
    return byway.connect(
        url,
        transports=[transport],
        proxy=None,
        memory=False,
        reconnect=True,
        open_timeout=open_timeout,
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_server_that_is_restarted_is_come_back_to(transport: str) -> None:
    """On another port behind the same network, as behind a load balancer."""
    told: list[tuple[int | None, bool]] = []
    turns = 0
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(uvicorn("tests.apps.endpoint_app:app"))
        async with Network(first.port) as network, asyncio.timeout(50):
            async for channel in connect(network.url + "/echo", transport):
                turns += 1
                assert await exchange(channel, f"turn {turns}") == [f"turn {turns}"]
                if turns == 2:
                    break
                first.program.terminate()
                assert await channel.receive() is None
                told.append((channel.code, "come back in" in channel.reason))
                second = servers.enter_context(uvicorn("tests.apps.endpoint_app:app"))
                network.redirect(second.port)
    assert told == [(1012, True)]


async def test_the_loop_ends_when_the_server_has_had_enough(endpoint_server: Server) -> None:
    turns = 0
    async with asyncio.timeout(20):
        url = endpoint_server.url("/closing?code=4321&reason=enough")
        async for channel in connect(url, "stream"):
            turns += 1
            await channel.send("go")
            assert await channel.receive() is None
    assert turns == 1


async def test_the_loop_ends_when_the_block_closes_the_channel(endpoint_server: Server) -> None:
    turns = 0
    async with asyncio.timeout(20):
        async for channel in connect(endpoint_server.url("/echo"), "stream"):
            turns += 1
            await channel.close(1000)
    assert turns == 1


async def test_leaving_the_loop_closes_the_channel(endpoint_server: Server) -> None:
    sessions = aiter(connect(endpoint_server.url("/echo"), "stream"))
    channel = await anext(sessions)
    assert isinstance(sessions, AsyncGenerator)
    await sessions.aclose()
    assert channel.code == 1000


async def test_a_handler_that_fails_is_asked_again_with_a_pause(endpoint_server: Server) -> None:
    turns = 0
    async with asyncio.timeout(20):
        url = endpoint_server.url("/closing?code=1011&reason=failed")
        async for channel in connect(url, "websocket"):
            turns += 1
            await channel.send("go")
            assert await channel.receive() is None
            if turns == 3:
                await channel.close()
                break
    assert turns == 3


async def test_while_nothing_gets_through_it_goes_on_trying(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, "refuse-403") as network, asyncio.timeout(20):
        asyncio.get_running_loop().call_later(0.5, network.use)
        async for channel in connect(network.url + "/echo", "websocket", open_timeout=0.2):
            assert await exchange(channel, "hello") == ["hello"]
            break
        assert network.counters.upgrades > 1


async def test_a_refusal_ends_the_loop(endpoint_server: Server) -> None:
    with pytest.raises(byway.Refused):
        async for _ in connect(endpoint_server.url("/deny"), "stream"):
            pass


def test_iterating_without_asking_for_it_is_wrong_use() -> None:
    with pytest.raises(byway.UsageError, match="reconnect=True"):
        aiter(byway.connect("http://127.0.0.1:1/"))
