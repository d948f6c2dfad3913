"""connect() as it comes, in every network: it reaches an echo, or says why not."""

from __future__ import annotations

import asyncio

import pytest

import byway
from byway.testing import PROFILES, Network
from tests.support.servers import Server

OPEN_TIMEOUT = 15.0


@pytest.mark.parametrize("name", PROFILES)
async def test_the_first_echo_comes_the_handler_ran_once_and_nothing_is_left(
    name: str, endpoint_server: Server
) -> None:
    mark = endpoint_server.log.mark()
    before = asyncio.all_tasks()
    async with Network(endpoint_server.port, name) as network:
        async with asyncio.timeout(OPEN_TIMEOUT + 15):
            async with byway.connect(
                network.url + "/echo", proxy=None, open_timeout=OPEN_TIMEOUT, memory=False
            ) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
        await network.until(lambda: network.connections == 0)
    opened = [line for line in endpoint_server.log.since(mark) if "opened at" in line]
    assert len(opened) == 1, "the handler did not run exactly once"
    assert channel.code == 1000
    session = opened[0].split("session ")[1].split()[0]
    await endpoint_server.log.seen(f"session {session} closed: 1000", since=mark)
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize("name", ["open", "squid", "buffer-all", "rtt-100"])
async def test_the_same_by_way_of_a_forward_proxy(name: str, endpoint_server: Server) -> None:
    async with Network(None, name) as network:
        async with byway.connect(
            endpoint_server.url("/echo"), proxy=network.url, open_timeout=OPEN_TIMEOUT, memory=False
        ) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
        await network.until(lambda: network.connections == 0)


async def test_where_nothing_passes_it_fails_in_time_and_says_what_it_saw(
    endpoint_server: Server,
) -> None:
    before = asyncio.all_tasks()
    mark = endpoint_server.log.mark()
    async with Network(endpoint_server.port) as network:
        network.block()
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(byway.NoTransport) as caught:
            async with byway.connect(
                network.url + "/echo", proxy=None, open_timeout=1.5, memory=False
            ):
                pass
        assert loop.time() - started < 5
        network.kill_connections()
        await network.until(lambda: network.connections == 0)
    assert {one.transport for one in caught.value.attempts} == {
        "websocket",
        "stream",
        "sse",
        "poll",
    }
    report = caught.value.report
    assert report is not None
    assert {one.transport: one.verdict.value for one in report.findings} == dict.fromkeys(
        ("websocket", "stream", "sse", "poll"), "silent"
    )
    assert not [line for line in endpoint_server.log.since(mark) if "opened at" in line]
    assert asyncio.all_tasks() <= before
