"""Measure what several processes cost: relayed messages, workers side by side, Redis.

    python -m benchmarks.relay [--rounds N] [--transports …] [--quick] [--json] [--docs]

One interleaved run: each round measures byway's Python client once over each transport. CPU is
that of the servers alone, as the kernel counts it. A hop is compared with a bare echo over a Unix
socket in the same round. Exit status 1 means that a target was missed.

Knows: the arguments, where the output goes.
Must not know: how anything is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from benchmarks.several import page
from benchmarks.several.figures import Result
from benchmarks.several.machine import can_measure
from benchmarks.several.measure import FULL, PARTS, QUICK, measure
from benchmarks.several.servers import ROOT
from byway.demo.processes import ProcessFailed
from byway.negotiation import DEFAULT_ORDER

PAGE = ROOT / "docs" / "explanation" / "scale.md"


def parse() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="relay", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--rounds", type=int, help=f"rounds that count (default: {FULL.rounds})")
    add(
        "--transports",
        type=_some(DEFAULT_ORDER),
        default=list(DEFAULT_ORDER),
        metavar="NAME,…",
        help=f"default: {','.join(DEFAULT_ORDER)}",
    )
    add(
        "--parts",
        type=_some(PARTS),
        default=list(PARTS),
        metavar="NAME,…",
        help=f"default: {','.join(PARTS)}",
    )
    add("--quick", action="store_true", help="measure only a little, to check that it runs")
    add("--json", action="store_true", help="print JSON, no table")
    add("--docs", action="store_true", help="rewrite the figures in docs/explanation/scale.md")
    return parser.parse_args()


def _some(known: Sequence[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
        return [name for name in known if name in found]

    return read


async def run(options: argparse.Namespace) -> Result:
    """Measure what can be measured here."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    sizes = QUICK if options.quick else FULL
    if options.rounds:
        sizes = dataclasses.replace(sizes, rounds=options.rounds)
    versions = {"Python": platform.python_version()}
    versions |= {name: version(name) for name in ("byway", "uvicorn", "websockets", "httpx")}
    result = Result(versions)
    live = sys.stderr.isatty()

    def say(text: str) -> None:
        print(f"\r\x1b[K{text}" if live else text, end="" if live else "\n", file=sys.stderr)

    await measure(result, options.transports, sizes, say, options.parts)
    return result


def main() -> int:
    """Measure and print; return the exit status."""
    options = parse()
    if not can_measure():
        print("this needs Linux, whose /proc says what processes use", file=sys.stderr)
        return 2
    try:
        result = asyncio.run(run(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except ProcessFailed as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result.as_json(), indent=2) if options.json else page.plain(result))
    if options.docs:
        page.rewrite(PAGE, result)
    return int(not all(target.met for target in result.targets()))


if __name__ == "__main__":
    sys.exit(main())
