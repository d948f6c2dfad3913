"""Measure how long clients take from connect() to the first echo, in restrictive networks.

    python -m benchmarks.first_echo [--rounds N] [--clients …] [--networks …] [--json] [--docs]

Every client connects in a process that runs already, through a `byway.testing.Network` with a
round trip of 100 ms in another one. Results are multiples of that round trip. Exit status 1 means
that byway missed one of its targets.

Knows: the arguments, where the output goes.
Must not know: how anything is measured or drawn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.peers import chart, pages
from benchmarks.peers.clients import CLIENTS, missing, versions
from benchmarks.peers.figures import VARIANTS, Result
from benchmarks.peers.measure import measure
from benchmarks.peers.networks import PLACES, ROUND_TRIP
from benchmarks.peers.progress import Progress
from benchmarks.peers.worker import ROOT, WorkerFailed
from byway.demo.processes import ProcessFailed

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "first-echo.svg"


def _names(known: Iterable[str]) -> str:
    return ", ".join(known)


def parse() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(
        prog="first_echo", description=__doc__.partition("\n")[0] if __doc__ else ""
    )

    def some(known: Iterable[str]) -> Callable[[str], list[str]]:
        def read(text: str) -> list[str]:
            found = text.split(",")
            if unknown := [name for name in found if name not in known]:
                raise argparse.ArgumentTypeError(f"unknown: {_names(unknown)}")
            return [name for name in known if name in found]

        return read

    add = parser.add_argument
    add("--rounds", type=int, default=7, help="rounds that count (default: 7)")
    for option, known in (("clients", CLIENTS), ("networks", PLACES), ("variants", VARIANTS)):
        add(
            f"--{option}",
            type=some(known),
            default=list(known),
            metavar="NAME,…",
            help=f"default: {_names(known)}",
        )
    add("--cap", type=float, default=15, help="seconds to wait for an echo (default: 15)")
    add(
        "--at-once",
        type=int,
        default=5,
        help="clients to measure at the same time; they mostly wait (default: 5)",
    )
    add("--json", action="store_true", help="print JSON, no table")
    add("--markdown", action="store_true", help="print the tables as in docs/benchmarks.md")
    add("--svg", type=Path, metavar="PATH", help="write the picture")
    add("--docs", action="store_true", help="rewrite docs/benchmarks.md and docs/first-echo.svg")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> Result:
    """Measure what can be measured here."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    skipped = {name: why for name in options.clients if (why := missing(CLIENTS[name]))}
    for name, why in skipped.items():
        print(f"{name} is skipped: {why}", file=sys.stderr)
    clients = [name for name in options.clients if name not in skipped]
    keys = [
        (variant, client, network)
        for variant in options.variants
        for network in options.networks
        for client in clients
    ]
    cells = await measure(
        keys,
        rounds=options.rounds,
        at_once=options.at_once,
        cap=options.cap,
        progress=Progress(sys.stderr),
    )
    return Result(
        options.rounds,
        versions([CLIENTS[name] for name in clients]),
        skipped,
        options.cap / ROUND_TRIP,
        cells,
    )


def main() -> int:
    """Measure and print; return the exit status."""
    options = parse()
    try:
        result = asyncio.run(run(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except ProcessFailed as error:
        print(error, file=sys.stderr)
        return 2
    except ExceptionGroup as group:
        failed, others = group.split(WorkerFailed)
        if failed is None or others is not None:
            raise
        print(*failed.exceptions, sep="\n", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(result.as_json(), indent=2))
    elif options.markdown:
        print(pages.markdown(result))
    else:
        print(pages.plain(result))
    if options.svg:
        options.svg.write_text(chart.svg(result))
    if options.docs:
        pages.rewrite(PAGE, result)
        PICTURE.write_text(chart.svg(result))
    return int(not all(met for *_, met in result.targets()))


if __name__ == "__main__":
    sys.exit(main())
