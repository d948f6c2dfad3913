"""Sessions that send some messages, a moment apart, and count what came back.

Knows: the Python client, an application that echoes.
Must not know: how many processes serve it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from tests.support.peers import TRANSPORTS, connect

MESSAGES = 20
"""Messages of a session."""

PAUSE = 0.05
"""Seconds between two of them."""


async def survivors(
    url: str, sessions: int, transports: Sequence[str] = TRANSPORTS
) -> dict[str, Counter[str]]:
    """Run sessions over each transport, all at once; return for each how they went.

    "survived" is every message echoed, in order; else the name of the error.
    """
    names = [name for name in transports for _ in range(sessions)]
    went = await asyncio.gather(*(_session(url, name) for name in names))
    found: dict[str, Counter[str]] = {name: Counter() for name in transports}
    for name, one in zip(names, went, strict=True):
        found[name][one] += 1
    return found


async def _session(url: str, transport: str) -> str:
    try:
        async with asyncio.timeout(45), connect(url, transport) as channel:
            for number in range(MESSAGES):
                await channel.send(f"message {number}")
                if await channel.receive() != f"message {number}":
                    return f"something else, {channel.code} {channel.reason}"
                await asyncio.sleep(PAUSE)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "survived"
