"""Measure echoes half a minute after opening, in networks where the preferred transport is slower.

    python -m benchmarks.settling [--wait SECONDS] [--echoes N] [--json]

In each network, with 40 ms of added round trip, the Python client and the browser's module in Node
open a session with default settings, are idle or active for 30 s, and then send 20 messages to an
echo, one per second. Beside them runs a session of the Python client for each forced transport.
Results are medians; exit status 1 means that one is over three times that of the best transport.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import byway
from benchmarks.downlink import ROOT
from byway.demo.processes import free_port, running
from byway.testing import Latency, Network

FORCED: Final = ("stream", "sse", "poll")
"""None of the networks lets WebSockets through."""

NETWORKS: Final = {
    "one-behind": FORCED,
    "flush-2s": FORCED,
    "file-types": ("sse", "poll"),  # no stream opens
    "one-at-a-time": ("poll",),  # beside an endless response nothing goes up
}
"""Profiles in which the transports differ that much, and what can be forced there."""

NEAR: Final = Latency(ms=20)

WORST: Final = 3.0
"""How many times the best median another may take."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one session took.

    Attributes:
        network: the profile.
        client: `python` or `page`.
        transports: what was forced; "" for nothing.
        talks: whether it talked while it settled.
        transport: what carried it at last.
        median: seconds of an echo.
    """

    network: str
    client: str
    transports: str
    talks: bool
    transport: str
    median: float


async def _echo(channel: byway.Channel) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await channel.send("hello")
    await channel.receive()
    return loop.time() - began


async def _some(channel: byway.Channel, count: int) -> list[float]:
    took: list[float] = []
    while len(took) < count:
        took.append(await _echo(channel))
        await asyncio.sleep(max(0.0, 1 - took[-1]))
    return took


async def python(
    url: str, transports: str, wait: int, echoes: int, talks: bool
) -> tuple[str, list[float]]:
    """Measure a session of the Python client."""
    async with byway.connect(
        url, transports=transports or None, proxy=None, memory=False, open_timeout=60
    ) as channel:
        if talks:
            await _some(channel, wait)
        else:
            await asyncio.sleep(wait)
        took = await _some(channel, echoes)
        return channel.transport or "", took


async def page(
    url: str, transports: str, wait: int, echoes: int, talks: bool
) -> tuple[str, list[float]]:
    """Measure a session of the browser's module, in Node."""
    arguments = [url.replace("http", "ws", 1), transports, str(wait), str(echoes), str(int(talks))]
    process = await asyncio.create_subprocess_exec(
        *("node", str(ROOT / "benchmarks" / "settling.mjs"), *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    told = json.loads(out)
    return told["transport"], told["took"]


async def run(networks: Sequence[str], wait: int, echoes: int) -> list[Figure]:
    """Measure everything, at once: most of the time nothing happens."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.applications:wrapped"),
        *("--app-dir", str(ROOT), "--port", str(port), "--log-level", "warning"),
    ]

    async def one(network: str, client: str, transports: str, talks: bool) -> Figure:
        measure = python if client == "python" else page
        async with Network(port, network, NEAR) as place:
            used, took = await measure(f"{place.url}/", transports, wait, echoes, talks)
        return Figure(network, client, transports, talks, used, statistics.median(took))

    with tempfile.TemporaryDirectory() as folder:
        async with running(command, port, Path(folder)):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(one(network, client, transports, talks))
                    for network in networks
                    for client, transports, talks in (
                        *(("python", name, False) for name in NETWORKS.get(network, FORCED)),
                        *(
                            (client, "", talks)
                            for client in ("python", "page")
                            for talks in (False, True)
                        ),
                    )
                ]
    return [task.result() for task in tasks]


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wait", type=int, default=30, help="seconds to settle (default: 30)")
    parser.add_argument("--echoes", type=int, default=20, help="messages (default: 20)")
    parser.add_argument(
        "--networks",
        type=lambda text: text.split(","),
        default=list(NETWORKS),
        metavar="NAME,…",
        help=f"profiles (default: {', '.join(NETWORKS)})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = asyncio.run(run(options.networks, options.wait, options.echoes))
    missed = False
    for one in figures:
        best = min(it.median for it in figures if it.network == one.network and it.transports)
        slow = not one.transports and one.median > WORST * best
        missed |= slow
        if not options.json:
            how = (
                f"{one.transports} by hand"
                if one.transports
                else "talks"
                if one.talks
                else "silent"
            )
            print(
                f"{one.network:<13} {one.client:<7} {how:<15} {one.transport:<7}",
                f"{one.median * 1000:>7.0f} ms {one.median / best:>5.1f} ×",
                "too slow" if slow else "",
            )
    if options.json:
        print(json.dumps([asdict(one) for one in figures], indent=2))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
