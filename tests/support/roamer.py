"""A client that goes on talking while the network changes under it, as a program of its own.

    python -m tests.support.roamer URL TRANSPORTS

It sends numbers, each when the one before has come back, and prints "ready", "on" at every so many
echoes after that, "gap" with the seconds where an echo was late, and "over" with each transport.

Knows: connect().
Must not know: what happens to the network.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import count

import byway

PACE = 0.05
"""Seconds between an echo and the next number."""

LATE = 0.2
"""Seconds from which on an echo counts as late."""

ENOUGH = 10
"""Echoes before it is ready, and between two words of it."""


def say(line: str) -> None:
    """Tell who started this program."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def talk(url: str, transports: str) -> None:
    """Talk without end."""

    def moved(transport: str) -> None:
        say(f"over {transport}")

    async with byway.connect(
        url, transports=transports, proxy=None, memory=False, on_transport=moved
    ) as channel:
        for number in count():
            began = time.monotonic()
            await channel.send(str(number))
            echo = await channel.receive()
            assert echo == str(number), f"{echo!r} instead of {number}"
            took = time.monotonic() - began
            if took > LATE:
                say(f"gap {took:.2f}")
            if number % ENOUGH == 0 and number:
                say("ready" if number == ENOUGH else "on")
            await asyncio.sleep(PACE)


if __name__ == "__main__":
    asyncio.run(talk(*sys.argv[1:]))
