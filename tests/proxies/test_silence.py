"""65 s in which nobody says a word, through every proxy at once: no session ends, nothing is lost.

It takes a little over those 65 s, since all of it happens at the same time.
"""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.proxies.clients import Client, Opener
from tests.proxies.matrix import SEEN
from tests.proxies.together import all_of, settle, together
from tests.proxies.variants import VARIANTS
from tests.proxies.world import Way, World

AT_ONCE = 8
"""How many are opened at once, by each client."""


CUT = {"envoy/plain": {"stream", "sse"}}
"""What a proxy cuts whatever is said, by variant. Nothing else is cut: heartbeats see to that."""


def cut_everywhere(silence: dict[str, dict[str, str]]) -> set[str]:
    """Return over which transports no client's carrier has lasted.

    A busy machine may cost one client a carrier. What a proxy does happens to all.
    """
    lasted = {name for told in silence.values() for name, what in told.items() if what == "lasted"}
    return {name for told in silence.values() for name in told} - lasted


@pytest.mark.timeout(200)
def test_silence_ends_nothing(proxies: World, everyone: tuple[Opener, ...]) -> None:
    opening = [asyncio.Semaphore(AT_ONCE) for _ in everyone]
    home = proxies.origin("uvicorn").url("/")

    async def be_silent(client: Client, slots: asyncio.Semaphore, way: Way) -> None:
        async with client.at(way, home=home) as visit:
            SEEN[way.variant.name].silence[client.name] = await visit.silent(slots)

    async def all_are_silent(clients: list[Client], way: Way) -> None:
        async with asyncio.TaskGroup() as group:
            for client, slots in zip(clients, opening, strict=True):
                group.create_task(be_silent(client, slots, way))

    using = partial(all_of, everyone)
    outcomes = together(proxies, VARIANTS, all_are_silent, at_once=len(VARIANTS), using=using)
    for variant in VARIANTS:
        settle(outcomes, variant)
    cut = {one.name: cut_everywhere(SEEN[one.name].silence) for one in VARIANTS}
    assert {name: one for name, one in cut.items() if one} == CUT
