"""Closes that cross: each side learns what the other said (RFC 6455, section 7.1.5)."""

from __future__ import annotations

import asyncio
from urllib.parse import quote
from uuid import uuid4

import pytest

import byway
from byway.testing import Network
from tests.support.peers import TRANSPORTS, connect
from tests.support.servers import Server


async def close_together(
    channel: byway.Channel, network: Network, server: Server, name: str, code: int, reason: str
) -> None:
    """Let the server close, and then this side, while nothing passes between them."""
    assert await channel.receive() == "waiting"
    network.block()
    said = f"code={code}&reason={quote(reason)}"
    async with connect(server.url(f"/cross?id={name}&{said}"), "websocket") as other:
        assert await other.receive() == "closed"
    closing = asyncio.create_task(channel.close(4000, "bye"))
    await asyncio.sleep(0)  # its CLOSE is numbered by now
    network.heal()
    async with asyncio.timeout(20):
        await closing


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_of_closes_that_cross_the_client_has_what_it_received(
    transport: str, endpoint_server: Server
) -> None:
    name = uuid4().hex
    async with Network(endpoint_server.port) as network:
        async with connect(f"{network.url}/crossing?id={name}", transport, memory=False) as one:
            await close_together(one, network, endpoint_server, name, 4001, "logged out")
            assert (one.code, one.reason) == (4001, "logged out")
            with pytest.raises(byway.ChannelClosed, match="4001"):
                await one.send("too late")


async def test_a_block_that_closed_its_channel_is_not_followed_by_another_session(
    endpoint_server: Server,
) -> None:
    """Though the code received, 1012, would have the loop come back."""
    name, turns = uuid4().hex, 0
    async with Network(endpoint_server.port) as network, asyncio.timeout(30):
        url = f"{network.url}/crossing?id={name}"
        async for channel in byway.connect(
            url, transports="stream", proxy=None, memory=False, reconnect=True
        ):
            turns += 1
            await close_together(channel, network, endpoint_server, name, 1012, "come back in 0 s")
            assert channel.code == 1012
    assert turns == 1
