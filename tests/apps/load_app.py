"""Many sessions with small bounds: echoes, floods, and says what the process holds."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
from pathlib import Path
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel

KIB = 1024

LOAD = ServerLimits(outbox=64 * KIB, inbox=16 * KIB, window=60.0, sessions=5_000)

PIECE = KIB
"""Bytes of a message of the flood."""

SLOW = 0.03
"""Seconds that the slow handler takes for a message."""

_sent = 0


def _rss() -> int:
    """Return the bytes that the process holds now, without what only waits to be freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory otherwise
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def handler(channel: Channel) -> None:
    """Echo, and flood where asked to; at other paths be deaf, slow, a sink, or say what is held."""
    global _sent
    path = cast(ServerChannel, channel).scope["path"]
    await channel.accept()
    count = 0
    if path == "/deaf":
        await asyncio.sleep(1.5)
    async for message in channel:
        count += 1
        if path == "/slow":
            await asyncio.sleep(SLOW)
        if path in ("/sink", "/slow"):
            if isinstance(message, str):
                await channel.send(str(count - 1))
        elif path == "/held":
            await channel.send(json.dumps({"rss": _rss(), "sent": _sent}))
        elif message == "flood":
            for number in range(10_000):
                await channel.send(number.to_bytes(4, "big") + bytes(PIECE - 4))
                _sent += 1
        else:
            await channel.send(message)


app = Endpoint(handler, limits=LOAD)
