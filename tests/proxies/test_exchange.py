"""Each client through each proxy: numbered messages by default and over each transport, no loss.

Nothing is configured for byway in any of these proxies, and nothing in the clients for a proxy.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.proxies.clients import Client, Opener
from tests.proxies.distance import TRIP, distance
from tests.proxies.matrix import SEEN
from tests.proxies.together import Outcomes, settle, together
from tests.proxies.variants import VARIANTS, Variant
from tests.proxies.world import Way, World
from tests.support.peers import TRANSPORTS

COUNT = 100
"""Messages each way."""

SOON = 8.0
"""Seconds in which the first echo is there. Most take less than one, on a busy machine three; what
waits for a heartbeat takes ten."""


async def exchange(client: Client, way: Way) -> None:
    """Go through a proxy by default and over each transport, all at once."""
    seen = SEEN[way.variant.name]
    async with client.at(way) as visit, asyncio.TaskGroup() as group:
        for one in set(TRANSPORTS) - set(visit.works):
            group.create_task(visit.in_vain(one))
        used = await visit.numbered((None, *visit.works), COUNT, 1.0)
    chosen = used.pop(None)[-1]
    assert chosen == visit.works[0]
    assert used == {name: [name] for name in visit.works}
    seen.chosen[client.name] = chosen
    seen.alone[client.name] = visit.works


@pytest.fixture(scope="module")
def exchanges(proxies: World, opener: Opener) -> Outcomes:
    """Let all of them happen."""
    return together(proxies, VARIANTS, exchange, at_once=4, using=opener)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_nothing_is_lost_doubled_or_reordered(exchanges: Outcomes, variant: Variant) -> None:
    settle(exchanges, variant)


async def measure(client: Client, way: Way) -> None:
    """Take the time until the first echo over a long line."""
    # Where the client names the proxy, the line is before that.
    async with distance(way.proxy.port) as port, client.at(way, port=port) as visit:
        seconds = await visit.first_echo()
    SEEN[way.variant.name].trips[client.name] = seconds / TRIP
    assert seconds < SOON


@pytest.fixture(scope="module")
def echoes(proxies: World, opener: Opener) -> Outcomes:
    """Take all times."""
    return together(proxies, VARIANTS, measure, at_once=3, using=opener)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_first_echo_comes_soon(echoes: Outcomes, variant: Variant) -> None:
    settle(echoes, variant)
