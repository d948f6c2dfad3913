"""The networks that the clients are measured in, and the process that they run in.

    python -m benchmarks.peers.networks

As a process it takes a line of JSON, `{"open": name, "handshake": bool, "origin": port}`, and
responds with `{"port": port}`; `{"close": port}` resets all connections of that network and
ends it.

Knows: byway.testing, which rules make up a network.
Must not know: who is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any, Final

from byway.testing import KillAfterUpgrade, Latency, Network, Rule

ROUND_TRIP: Final = 0.1
"""Seconds of a round trip."""


@dataclass(frozen=True, slots=True)
class Place:
    """A network to be measured in.

    Attributes:
        about: what it does.
        rules: what it does beside the delay.
    """

    about: str
    rules: tuple[Rule | str, ...] = ()


PLACES: Final[dict[str, Place]] = {
    "healthy": Place("no restriction"),
    "refuse-403": Place("upgrades get a 403", ("refuse-403",)),
    "strip-upgrade": Place("handshakes arrive as plain GETs", ("strip-upgrade",)),
    "black-hole": Place("upgrades never get a response", ("black-hole",)),
    "mute": Place("the 101 passes, then nothing in either direction", ("mute",)),
    "mute-up": Place("after the 101 only the server's data passes", ("mute-up",)),
    # The 101 is with the client after 50 ms, and the first echo could be there after 150.
    "kill": Place(
        "the 101 passes, 25 ms later the connection is reset", (KillAfterUpgrade(ms=75),)
    ),
    "buffer-all": Place("HTTP responses are buffered whole", ("buffer-all",)),
    "refuse-403-buffered": Place(
        "upgrades get a 403, responses are buffered whole", ("refuse-403-buffered",)
    ),
    "black-hole-buffered": Place(
        "upgrades never get a response, others are buffered whole", ("black-hole-buffered",)
    ),
}


def rules(name: str, handshake: bool) -> tuple[Rule | str, ...]:
    """Return the rules of a network: what it does, and the delay."""
    return (*PLACES[name].rules, Latency(ms=ROUND_TRIP * 500, handshake=handshake))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    networks: dict[int, Network] = {}
    while line := await reader.readline():
        asked: dict[str, Any] = json.loads(line)
        if "close" in asked:
            port = asked["close"]
            await networks.pop(port).__aexit__(None, None, None)
        else:
            network = Network(asked["origin"], *rules(asked["open"], asked["handshake"]))
            await network.__aenter__()
            port = network.port
            networks[port] = network
        print(json.dumps({"port": port}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve())
