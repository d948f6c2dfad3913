"""The built classes through the faults of the model: what is built keeps the promises, too.

Middleware, admission, registry, transports, relay, door, links, directory with its scripts, claims
and locks on disk are the product's own. Time, the network, the server that runs the scripts and
the clients are the model's.
Where a seed fails, `python -m tests.scale.built.simulate --seed N -v` shows all that happened.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

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
