"""Whoever sends waits for whoever is slow: the reader, the handler, the network either way.

That readers who do not read make the server's handlers wait is in `tests/chaos/test_load.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

import byway
from byway import ClientLimits
from byway.testing import Bandwidth, Network
from tests.apps.load_app import LOAD, PIECE, SLOW
from tests.support.peers import connect
from tests.support.servers import Server, uvicorn

KIB = 1024

CLIENT = ClientLimits(outbox=64 * KIB, inbox=LOAD.inbox)

SIZE = 4 * KIB
"""Bytes of a message of the client."""

RATE = 800_000
"""Bytes a second of the slow network, each way."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve with small bounds."""
    with uvicorn("tests.apps.load_app:app") as one:
        yield one
    one.assert_quiet()


def waiting(channel: byway.Channel) -> int:
    """Return the bytes in the client's outbox."""
    size: int = cast(Any, channel)._live.core.outbox.size
    return size


async def sent_by(server: Server) -> int:
    """Return how many messages the server's floods have sent."""
    async with connect(server.url("/held"), "websocket") as channel:
        await channel.send("?")
        count: int = json.loads(str(await channel.receive()))["sent"]
        return count


async def test_a_client_waits_for_a_handler_that_does_not_read(
    server: Server, transport: str
) -> None:
    async with connect(server.url("/deaf"), transport, limits=CLIENT) as channel:
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await channel.send(bytes(SIZE))
                sent += 1

        sending = asyncio.create_task(send())
        while True:
            before = sent
            await asyncio.sleep(0.3)  # the network has been silent for that long
            if sent == before:
                break
        assert not sending.done()
        sending.cancel()
        assert waiting(channel) >= CLIENT.outbox
        # The server's inbox, and the outbox; each may be overdrawn by one message.
        assert sent <= (LOAD.inbox + CLIENT.outbox) / SIZE + 2
        assert waiting(channel) <= CLIENT.outbox + SIZE + 100


async def sink(channel: byway.Channel, count: int) -> float:
    """Send messages to a handler that counts them; return the seconds that the sending took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(count):
        await channel.send(bytes(SIZE))
        assert waiting(channel) <= CLIENT.outbox + SIZE + 100
    took = loop.time() - began
    await channel.send("how many")
    assert await channel.receive() == str(count)
    return took


async def test_a_client_waits_for_a_slow_handler(server: Server, transport: str) -> None:
    count = 60
    async with connect(server.url("/slow"), transport, limits=CLIENT) as channel:
        took = await sink(channel, count)
    held = (LOAD.inbox + CLIENT.outbox) / SIZE + 3
    assert took >= (count - held) * SLOW, "it did not wait"


async def test_a_client_waits_for_a_slow_way_up(server: Server, transport: str) -> None:
    count = 200
    async with Network(server.port, Bandwidth(bytes_per_second=RATE)) as network:
        async with connect(network.url + "/sink", transport, limits=CLIENT) as channel:
            took = await sink(channel, count)
    assert took >= (count * SIZE - CLIENT.outbox - SIZE) / RATE * 0.8, "it did not wait"


async def test_a_handler_waits_for_a_slow_way_down(server: Server, transport: str) -> None:
    count = 500
    async with Network(server.port, Bandwidth(bytes_per_second=RATE)) as network:
        async with connect(network.url + "/echo", transport, limits=CLIENT) as channel:
            before = await sent_by(server)
            await channel.send("flood")
            for number in range(count):
                message = await channel.receive()
                assert isinstance(message, bytes)
                assert message[:4] == number.to_bytes(4, "big")
                if number % 100 == 99:
                    sent = await sent_by(server) - before
                    # What is not acknowledged is in the outbox; what is, has been received.
                    assert sent <= number + 1 + (LOAD.outbox + CLIENT.inbox) / PIECE + 2
