"""Long-polling and what goes up with it: how many requests it takes, and what is lost."""

from __future__ import annotations

import asyncio

import pytest

import byway
from byway.testing import DropPost, LosePostAnswer, Network, RefuseBodies, Rule
from tests.support.servers import Server

COUNT = 60


async def another_post(network: Network) -> None:
    """Wait for the poll that follows a response to which nothing was said."""
    posts = network.counters.posts
    await network.until(lambda: network.counters.posts > posts)


async def converse(channel: byway.Channel, count: int) -> None:
    """Say two things at a time, each time when the two before have come back."""
    for number in range(count):
        for part in "ab":
            await channel.send(f"{number}{part} " + "x" * (number * 97 % 600))
        for part in "ab":
            message = await channel.receive()
            assert isinstance(message, str)
            assert message.split()[0] == f"{number}{part}"


async def test_what_is_said_to_a_response_goes_up_with_the_next_poll(
    endpoint_server: Server,
) -> None:
    async with (
        Network(endpoint_server.port) as network,
        byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel,
    ):
        await converse(channel, 5)
        before = network.counters.posts
        await converse(channel, COUNT)
        assert network.counters.posts - before <= COUNT * 1.2, "one request an echo"
    assert channel.code == 1000


async def test_what_is_said_while_a_poll_is_held_goes_up_at_once(endpoint_server: Server) -> None:
    async with (
        Network(endpoint_server.port) as network,
        byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel,
    ):
        for number in range(5):
            async with asyncio.timeout(5):
                await converse(channel, 1)
                await another_post(network)
                await channel.send(b"%d" % number)
                await channel.send("two at once")
                assert await channel.receive() == b"%d" % number
                assert await channel.receive() == "two at once"


@pytest.mark.parametrize(
    "rule",
    [DropPost(nth=7), LosePostAnswer(nth=7), RefuseBodies(over=1000)],
    ids=repr,
)
async def test_nothing_is_lost_with_a_poll_that_speaks(rule: Rule, endpoint_server: Server) -> None:
    async with (
        Network(endpoint_server.port) as network,
        byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel,
    ):
        await converse(channel, 3)
        network.use(rule)
        async with asyncio.timeout(25):
            await converse(channel, COUNT)
        network.use()
    assert channel.code == 1000
