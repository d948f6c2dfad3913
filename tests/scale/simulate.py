"""One random run, from its first process to the comparison with what is promised.

Knows: who takes part. `python -m tests.scale.simulate --help` says how to look at a run.
Must not know: how anything works.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Protocol

from tests.scale.cast import Cast
from tests.scale.faults import Faults
from tests.scale.flaws import Flaw, Setting
from tests.scale.promises import REST, hold
from tests.scale.world import Violation, World


class Simulate(Protocol):
    """Runs a setting."""

    def __call__(self, setting: Setting, *, verbose: bool = False) -> Counter[str]: ...


def simulate(setting: Setting, *, verbose: bool = False) -> Counter[str]:
    """Run the model, and return how often what happened.

    Raises:
        Violation: a promise was broken.
    """
    world = World(setting, verbose=verbose)
    return play(world, Cast(world))


def play(world: World, cast: Cast) -> Counter[str]:
    """Let everything happen, come to rest, and hold it against the promises.

    Raises:
        Violation: a promise was broken.
    """
    rng = world.rng
    world.run(1.0)
    length = rng.choice((20.0, 45.0, 90.0))
    for _ in range(rng.randint(1, 4)):
        world.at(rng.random() * length * 0.7, cast.opening)
    if rng.random() < 0.4:
        cast.crowd(length + REST - 10.0)
    cast.talk()
    faults = Faults(cast)
    world.run(length)
    faults.end()
    ended = [client for client in world.clients if client.ended]
    world.run(world.now + REST)
    hold(world, faults, ended)
    return world.statistics


def search(
    setting: Setting, runs: int, simulate: Simulate = simulate
) -> tuple[Setting, Violation] | None:
    """Look for a violation in so many runs, of seeds one after the other."""
    for seed in range(setting.seed, setting.seed + runs):
        try:
            simulate(replace(setting, seed=seed))
        except Violation as error:
            return replace(setting, seed=seed), error
    return None


def command(simulate: Simulate) -> None:
    """Look at one run, or at many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--meeting", default="redis", choices=("redis", "workers"))
    parser.add_argument("--links", default="stream", choices=("stream", "pubsub"))
    parser.add_argument("--flaw", choices=[flaw.name for flaw in Flaw])
    parser.add_argument("--faults", nargs="*", default=[])
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    flaw = Flaw[args.flaw] if args.flaw else None
    total: Counter[str] = Counter()
    began, failed = time.process_time(), 0
    for seed in range(args.seed, args.seed + args.runs):
        setting = Setting(seed, args.meeting, args.links, flaw, tuple(args.faults))
        try:
            total += simulate(setting, verbose=args.verbose)
        except Violation as error:
            failed += 1
            print(f"seed {seed}: {error}")  # noqa: T201 - a command
    print(f"{failed} of {args.runs} failed, {time.process_time() - began:.1f} s of CPU")  # noqa: T201
    print(dict(sorted(total.items())))  # noqa: T201
    sys.exit(bool(failed))


if __name__ == "__main__":
    command(simulate)
