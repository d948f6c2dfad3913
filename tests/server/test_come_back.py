"""What clients make of a server that is away for a moment, or has lost a session with a process."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from pathlib import Path
from typing import cast

import pytest

import byway
from byway.client import reconnect
from byway.client.channels import ClientChannel
from byway.keys import new_key
from byway.testing import FailWith, Network
from tests.server.test_relay import APP, sharing
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server


async def test_who_lost_a_session_with_its_process_waits_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else all clients of a process would come at one moment to those that are left."""
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.05)
    turns, began = 0, 0.0
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        async with Network(first.port) as network, asyncio.timeout(50):
            connecting = byway.connect(
                network.url + "/echo", transports="poll", memory=False, proxy=None, reconnect=True
            )
            async for channel in connecting:
                turns += 1
                await channel.send("hello")
                assert await channel.receive() == "hello"
                if turns == 2:
                    break
                network.redirect(second.port)
                first.program.kill()
                assert await channel.receive() is None
                assert channel.code == 1006
                assert "410: this session ended when its process ended" in channel.reason
                began = asyncio.get_running_loop().time()
                caplog.set_level(logging.INFO, "byway.client")
            waited = asyncio.get_running_loop().time() - began
    (pause,) = re.findall(r"a session ended with 1006; opening another in ([\d.]+) s", caplog.text)
    assert float(pause) >= 1, "Retry-After has whole seconds, and is another for each client"
    assert waited >= float(pause) - 0.1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_opening_whose_key_is_used_up_gets_another(
    endpoint_server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response to the first opening may be lost, and the session end before the second."""
    used = new_key()
    keys = iter([used, used, new_key()])
    module = importlib.import_module("byway.client.connect")
    monkeypatch.setattr(module, "new_key", lambda: next(keys))
    url = endpoint_server.url("/echo")
    statuses: list[int | None] = []
    for _ in range(2):
        async with byway.connect(url, transports=transport, memory=False, proxy=None) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            statuses = [one.status for one in cast(ClientChannel, channel).attempts]
    assert statuses == [410]


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_503_in_mid_session_costs_no_session_and_is_not_asked_for_again_too_soon(
    endpoint_server: Server, transport: str
) -> None:
    async with (
        Network(endpoint_server.port) as network,
        byway.connect(
            network.url + "/echo", transports=transport, memory=False, proxy=None
        ) as channel,
    ):
        await channel.send("hello")
        assert await channel.receive() == "hello"
        network.use(FailWith(503, retry_after=3))
        before = network.counters.posts
        await channel.send("kept")
        await asyncio.sleep(5)
        # Polls and batches are requests of their own.
        assert 1 <= network.counters.posts - before <= 4
        network.use()
        async with asyncio.timeout(20):
            assert await channel.receive() == "kept"
