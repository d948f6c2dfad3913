"""The Python client through each proxy: numbered messages by default, and over each transport.

Nothing is configured for byway in any of these proxies, and nothing in the client for a proxy.
"""

from __future__ import annotations

import asyncio

import pytest

import byway
from tests.proxies.variants import VARIANTS, Variant
from tests.proxies.world import Way, World
from tests.support.numbered_client import NumberedSession
from tests.support.peers import TRANSPORTS

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


@pytest.mark.timeout(90)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
async def test_nothing_is_lost_doubled_or_reordered(proxies: World, variant: Variant) -> None:
    way = proxies.way(variant)
    async with asyncio.TaskGroup() as group:
        default = group.create_task(numbered(way, None))
        alone = {one: group.create_task(numbered(way, one)) for one in variant.works}
        for one in set(TRANSPORTS) - set(variant.works):
            group.create_task(in_vain(way, one))
    assert default.result()[-1] == variant.default
    assert {name: task.result() for name, task in alone.items()} == {
        name: [name] for name in variant.works
    }
