"""Measure messages pushed and echoed, and what the middleware costs a plain WebSocket.

    python benchmarks/downlink.py [--rounds N] [--messages N] [--json]

One uvicorn serves the bare application, another the wrapped one. Each round measures every way
once, so a machine that gets slow slows all of them. Results are medians over the rounds, of each
way's ratio to the plain WebSocket of the same round. No client compresses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect as websocket_connect

import byway
from byway.demo.processes import free_port, running

ROOT = Path(__file__).resolve().parent.parent

KEYS = {"push": "push, messages/s", "echo": "echo p50", "pipelined": "64 outstanding, echoes/s"}
"""What is measured, and what it is called."""

OUTSTANDING = 64
PIPELINED = 10_000
"""Messages echoed with so many in flight."""

Way = Callable[[int, int], Awaitable[dict[str, float]]]


async def plain(port: int, messages: int) -> dict[str, float]:
    """Measure a plain WebSocket client."""
    url = f"ws://127.0.0.1:{port}/"
    async with websocket_connect(url, compression=None, proxy=None) as socket:
        return await _measure(socket.send, socket.recv, messages)


def over(transport: str) -> Way:
    """Return the measurement of byway's client over one transport."""

    async def measure(port: int, messages: int) -> dict[str, float]:
        url = f"http://127.0.0.1:{port}/"
        async with byway.connect(url, transports=[transport], proxy=None) as channel:
            return await _measure(channel.send, channel.receive, messages)

    return measure


async def _measure(
    send: Callable[[str], Awaitable[None]], receive: Callable[[], Awaitable[Any]], messages: int
) -> dict[str, float]:
    await send("push 2000")  # warm up
    for _ in range(2000):
        await receive()
    for _ in range(50):  # a client over HTTP proves that a body without an end gets through
        await send("x" * 32)
        await receive()
    start = time.perf_counter()
    await send(f"push {messages}")
    for _ in range(messages):
        await receive()
    push = messages / (time.perf_counter() - start)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        await send("x" * 32)
        await receive()
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    await _pipelined(send, receive, PIPELINED)
    pipelined = PIPELINED / (time.perf_counter() - start)
    return {"push": push, "echo": statistics.median(times), "pipelined": pipelined}


async def _pipelined(
    send: Callable[[str], Awaitable[None]], receive: Callable[[], Awaitable[Any]], messages: int
) -> None:
    """Echo messages, 64 of them in flight at a time."""
    for _ in range(OUTSTANDING):
        await send("x" * 32)
    for _ in range(messages - OUTSTANDING):
        await receive()
        await send("x" * 32)
    for _ in range(OUTSTANDING):
        await receive()


async def run(rounds: int, messages: int) -> dict[str, dict[str, float]]:
    """Measure every way in every round; return the medians of the ratios to `plain`."""
    with tempfile.TemporaryDirectory() as folder:
        bare, wrapped = free_port(), free_port()
        ways: dict[str, tuple[Way, int]] = {
            "plain": (plain, bare),
            "plain through the middleware": (plain, wrapped),
            **{f"byway {name}": (over(name), wrapped) for name in byway_transports()},
        }

        def command(app: str, port: int) -> list[str]:
            return [
                *(sys.executable, "-m", "uvicorn", f"benchmarks.applications:{app}"),
                *("--app-dir", str(ROOT), "--port", str(port), "--log-level", "warning"),
            ]

        ratios: dict[str, dict[str, list[float]]] = {
            name: {key: [] for key in KEYS} for name in ways
        }
        async with (
            running(command("bare", bare), bare, Path(folder)),
            running(command("wrapped", wrapped), wrapped, Path(folder)),
        ):
            for number in range(rounds):
                print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
                # Each round begins with another way, so that none always follows the same one.
                turn = number % len(ways)
                order = [*list(ways)[turn:], *list(ways)[:turn]]
                figures = {name: await ways[name][0](ways[name][1], messages) for name in order}
                for name, one in figures.items():
                    for key in KEYS:
                        ratios[name][key].append(one[key] / figures["plain"][key])
            print(file=sys.stderr)
    return {
        name: {
            f"{key} {label}": function(values)
            for key, values in one.items()
            for label, function in (("median", statistics.median), ("min", min), ("max", max))
        }
        for name, one in ratios.items()
    }


def byway_transports() -> tuple[str, ...]:
    """Return the names of byway's transports."""
    from byway.negotiation import DEFAULT_ORDER

    return DEFAULT_ORDER


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=12, help="interleaved rounds (default: 12)")
    parser.add_argument(
        "--messages", type=int, default=100_000, help="messages pushed a round (default: 100000)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, no table")
    options = parser.parse_args()
    result = asyncio.run(run(options.rounds, options.messages))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    head = "".join(f"{one:>26}" for one in KEYS.values())
    print(f"{'ratio to plain, median (min - max)':<36}{head}")
    for name, one in result.items():
        cells = [
            f"{one[f'{key} median']:.2f}x ({one[f'{key} min']:.2f} - {one[f'{key} max']:.2f})"
            for key in KEYS
        ]
        print(f"{name:<36}" + "".join(f"{cell:>26}" for cell in cells))


if __name__ == "__main__":
    main()
