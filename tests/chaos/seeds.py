"""Which seeds are run, how many at a time, and the command that runs one of them again.

Knows: the variables of the environment.
Must not know: what a seed decides.
"""

from __future__ import annotations

import os

DEFAULT = (1, 2, 3)
"""The seeds that `make test` runs."""

TOGETHER = 3
"""Seeds that run at a time."""


def seeds() -> tuple[int, ...]:
    """Return the seeds that `BYWAY_CHAOS_SEED` names, or counts in `BYWAY_CHAOS_SEEDS`."""
    named = os.environ.get("BYWAY_CHAOS_SEED", "").replace(",", " ").split()
    if named:
        return tuple(map(int, named))
    count = os.environ.get("BYWAY_CHAOS_SEEDS", "").replace(",", " ").split()
    if len(count) == 1:
        return tuple(range(1, int(count[0]) + 1))
    return tuple(map(int, count)) or DEFAULT


def long_run() -> bool:
    """Say whether this is `make chaos`, which has more time than `make test`."""
    return os.environ.get("BYWAY_CHAOS_LONG") == "1"


def groups() -> list[tuple[int, ...]]:
    """Return the seeds in groups that run at a time."""
    all_of_them = seeds()
    return [all_of_them[at : at + TOGETHER] for at in range(0, len(all_of_them), TOGETHER)]


def replay(network: str, seed: int | str) -> str:
    """Return the command that runs a seed again."""
    return f"make chaos SEED={seed} ARGS='-k {network}'"
