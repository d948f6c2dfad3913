"""Say which transports to use, in which order, and where to keep what worked.

    python -m examples.preference URL [FILE]

Without code, `BYWAY_TRANSPORTS="stream, poll"` says the same of any program that uses byway.
"""

from __future__ import annotations

import asyncio
import sys

import byway

PREFERENCE = byway.Preference(
    order=("websocket", "stream", "poll"),  # best first; others are not tried
    patience={"websocket": 0.5},  # seconds before the next one starts beside it
    promotion_interval=60,  # seconds before better ones are tried again
)
"""The same as text, without the interval: `"websocket; patience=0.5, stream, poll"`."""


async def main(url: str, file: str | None = None) -> None:
    """Connect twice: the second visit begins with what worked in the first."""
    memory = byway.Memory(file)  # without a file, it lasts as long as the process
    for visit in ("first", "second"):
        async with byway.connect(url, transports=PREFERENCE, memory=memory) as channel:
            print(f"{visit} visit: over {channel.transport}")
            await channel.send("hello")
            print(await channel.receive())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
