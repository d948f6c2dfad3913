"""The Python client through each proxy: numbered messages by default, and over each transport.

Nothing is configured for byway in any of these proxies, and nothing in the client for a proxy.
"""

from __future__ import annotations

import asyncio
import time

import pytest

import byway
from tests.proxies.distance import TRIP, distance
from tests.proxies.matrix import SEEN
from tests.proxies.together import UNCLOSED, Outcomes, settle, together
from tests.proxies.variants import VARIANTS, Variant
from tests.proxies.world import Way, World
from tests.support.numbered_client import NumberedSession
from tests.support.peers import TRANSPORTS

pytestmark = UNCLOSED

COUNT = 150
"""Messages each way."""

LONGEST = 100 * 1024
"""Bytes of the longest: more than a batch, or what a proxy takes at a time."""

OPEN_TIMEOUT = 4.0
"""Seconds for one transport: what works opens in less than one, what is held back never does."""


async def numbered(way: Way, transport: str | None) -> list[str]:
    """Exchange the messages; return which transports came into use."""
    one = NumberedSession(
        f"{way.variant} {transport}",
        COUNT,
        1.0,
        LONGEST,
        transport,
        {**way.options(), "limits": None},
    )
    await one.run(way.url("/numbered"), timeout=40.0)
    return one.transports


async def in_vain(way: Way, transport: str) -> None:
    """See that a transport does not get through, and that its error says something of it."""
    connecting = byway.connect(
        way.url("/echo"),
        transports=[transport],
        memory=False,
        open_timeout=OPEN_TIMEOUT,
        **way.options(),
    )
    with pytest.raises(byway.NoTransport, match=f"{transport}: ") as caught:
        async with connecting:
            pass
    assert caught.value.attempts


async def exchange(way: Way) -> None:
    """Go through a proxy by default and over each transport, all at once."""
    variant = way.variant
    async with asyncio.TaskGroup() as group:
        default = group.create_task(numbered(way, None))
        alone = {one: group.create_task(numbered(way, one)) for one in variant.works}
        for one in set(TRANSPORTS) - set(variant.works):
            group.create_task(in_vain(way, one))
    assert default.result()[-1] == variant.default
    assert {name: task.result() for name, task in alone.items()} == {
        name: [name] for name in variant.works
    }
    SEEN[variant.name].chosen["python"] = default.result()[-1]
    SEEN[variant.name].alone = variant.works


@pytest.fixture(scope="module")
def exchanges(proxies: World) -> Outcomes:
    """Let all of them happen."""
    return together(proxies, VARIANTS, exchange, at_once=4)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_nothing_is_lost_doubled_or_reordered(exchanges: Outcomes, variant: Variant) -> None:
    settle(exchanges, variant)


async def first_echo(way: Way, port: int) -> float:
    """Return the seconds until the first echo of a new session."""
    began = time.monotonic()
    async with byway.connect(
        way.url("/echo", port=port), memory=False, **way.options(port=port)
    ) as channel:
        await channel.send("hello")
        assert await channel.receive() == "hello"
        return time.monotonic() - began


async def measure(way: Way) -> None:
    """Take the time until the first echo over a long line."""
    # Where the client names the proxy, the line is before that.
    async with distance(way.proxy.port) as port:
        SEEN[way.variant.name].trips = await first_echo(way, port) / TRIP


@pytest.fixture(scope="module")
def echoes(proxies: World) -> Outcomes:
    """Take all times."""
    return together(proxies, VARIANTS, measure, at_once=3)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_first_echo_comes_soon(echoes: Outcomes, variant: Variant) -> None:
    settle(echoes, variant)
