"""Measure the uplink in batches over a long round trip.

    python -m benchmarks.batches [--rounds N] [--json]

Messages go up over `poll`, which sends only batches, through a network with a round trip of
100 ms: once with one batch in flight at a time, and once with the default. The result is the ratio
of the messages per second, from rounds that measure both one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import byway
from benchmarks.downlink import ROOT
from byway.demo.processes import free_port, running
from byway.testing import Network
from byway.transports.http import batches

MESSAGES = 60_000
TEXT = "0123456789abcdef0123456789abcdef"


async def sent(url: str, in_flight: int) -> float:
    """Return the messages per second that reach the server, with so many batches in flight."""
    most, batches.MAX_IN_FLIGHT = batches.MAX_IN_FLIGHT, in_flight  # type: ignore[misc]
    try:
        async with byway.connect(url, transports="poll", proxy=None, memory=False) as channel:
            await channel.send("count 1")
            await channel.send(TEXT)
            await channel.receive()
            start = time.perf_counter()
            await channel.send(f"count {MESSAGES}")
            for _ in range(MESSAGES):
                await channel.send(TEXT)
            await channel.receive()
            return MESSAGES / (time.perf_counter() - start)
    finally:
        batches.MAX_IN_FLIGHT = most  # type: ignore[misc]


async def run(rounds: int) -> dict[str, float]:
    """Measure both ways in every round; return the median of the ratios, and their range."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.applications:counting"),
        *("--app-dir", str(ROOT), "--port", str(port), "--log-level", "warning"),
    ]
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        async with running(command, port, Path(folder)), Network(port, "rtt-100") as network:
            for number in range(rounds):
                print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
                order = (1, batches.MAX_IN_FLIGHT)
                figures = {
                    one: await sent(network.url + "/", one)
                    for one in (order if number % 2 else reversed(order))
                }
                ratios.append(figures[order[1]] / figures[1])
            print(file=sys.stderr)
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds (default: 7)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    result = asyncio.run(run(options.rounds))
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"messages a second up, {batches.MAX_IN_FLIGHT} batches on their way to one: "
            f"{result['median']:.2f}x ({result['min']:.2f} - {result['max']:.2f})"
        )


if __name__ == "__main__":
    main()
