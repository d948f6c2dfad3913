"""The design of several processes, as a model that is run at random: no promise is broken.

Where a seed fails, `python -m tests.scale.simulate --seed N -v` shows all that happened in it.
"""

from __future__ import annotations

import os

import pytest

from tests.scale.flaws import Links, Meeting, Setting
from tests.scale.simulate import search

VARIANTS: tuple[tuple[Meeting, Links, int], ...] = (
    ("redis", "stream", 120),
    ("redis", "pubsub", 30),
    ("workers", "stream", 50),
)
"""Where processes meet, what links run over, and of 200 seeds how many it gets."""

SEEDS = int(os.environ.get("BYWAY_MODEL_SEEDS") or 200)
FIRST = int(os.environ.get("BYWAY_MODEL_FIRST") or 1)


@pytest.mark.timeout(0 if SEEDS > 200 else 180)
@pytest.mark.parametrize(("meeting", "links", "share"), VARIANTS)
def test_no_promise_is_broken(meeting: Meeting, links: Links, share: int) -> None:
    """Processes die and stop, Redis loses what it knew, links are cut: all promises are kept."""
    found = search(Setting(FIRST, meeting, links), SEEDS * share // 200)
    if found is not None:
        pytest.fail(f"seed {found[0].seed}: {found[1]}")
