"""A client in a process of its own, for tests that kill it.

It is started as `python -m tests.support.vanishing URL TRANSPORT`, prints `connected`, and waits.
"""

from __future__ import annotations

import asyncio
import sys

from tests.support.peers import connect


async def main(url: str, transport: str) -> None:
    """Connect and wait."""
    async with connect(url, transport) as channel:
        await channel.send("hello")
        sys.stdout.write("connected\n")
        async for _ in channel:
            pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
