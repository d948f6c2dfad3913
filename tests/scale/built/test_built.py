"""The built classes through the faults of the model: what is built keeps the promises, too.

Middleware, admission, registry, transports, relay, door, links, directory with its scripts, claims
and locks on disk are the product's own. Time, the network, the server that runs the scripts and
the clients are the model's.
Where a seed fails, `python -m tests.scale.built.simulate --seed N -v` shows all that happened.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest

from byway.backplane import callers, door
from byway.backplane.calls import OneCall
from byway.backplane.proof import Proof
from tests.scale.built.simulate import simulate
from tests.scale.flaws import Meeting, Setting
from tests.scale.simulate import search

SHARES: tuple[tuple[Meeting, int], ...] = (("redis", 6), ("workers", 5))
"""Where processes meet, and how many of a hundred seeds are run: they cost ten times as much."""

SEEDS = int(os.environ.get("BYWAY_MODEL_SEEDS") or 200)
FIRST = int(os.environ.get("BYWAY_MODEL_FIRST") or 1)


@pytest.mark.timeout(0 if SEEDS > 200 else 600)
@pytest.mark.parametrize(("meeting", "share"), SHARES)
def test_no_promise_is_broken(meeting: Meeting, share: int) -> None:
    """Processes die and stop, Redis loses what it knew, links are cut: all promises are kept."""
    with ThreadPoolExecutor(1) as pool:  # outside of the main thread the product hears no signals
        found = pool.submit(
            search, Setting(FIRST, meeting), SEEDS * share // 100, simulate
        ).result()
    if found is not None:
        pytest.fail(f"seed {found[0].seed}: {found[1]}")


@pytest.mark.parametrize("meeting", ["redis", "workers"])
def test_two_releases_side_by_side_keep_the_promises(meeting: Meeting) -> None:
    """Each third process speaks the first version of links alone, as in a rolling deploy."""
    ways: Counter[str] = Counter()
    seen: dict[str, int] = {}

    def proof(name: str, *arguments: Any, **named: Any) -> Proof:
        versions = (1,) if seen.setdefault(name, len(seen)) % 3 == 2 else (1, 2)
        return Proof(name, *arguments, versions=versions, **named)

    def counting(way: str) -> Any:
        real = getattr(OneCall, way)

        async def call(self: OneCall, *arguments: Any) -> Any:
            ways[way] += 1
            return await real(self, *arguments)

        return mock.patch.object(OneCall, way, call)

    with (
        mock.patch.object(callers, "Proof", proof),
        mock.patch.object(door, "Proof", proof),
        counting("call"),
        counting("request"),
        ThreadPoolExecutor(1) as pool,
    ):
        found = pool.submit(search, Setting(FIRST, meeting), max(SEEDS // 66, 1), simulate).result()
    if found is not None:
        pytest.fail(f"seed {found[0].seed}: {found[1]}")
    assert ways["call"] > 20
    assert ways["request"] > 5
