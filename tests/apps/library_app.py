"""What readers' libraries are tried with: one handler, which says everything that may go wrong."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final, cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import query

PROBES: Final = {
    "leading spaces": "  text",
    "trailing spaces": "text  ",
    "trailing line feeds": "text\n\n",
    "empty texts": "",
    "U+2028": "te\u2028xt",
    "U+0085": "te\u0085xt",
    "form feeds": "te\fxt",
    "NUL": "te\0xt",
    "U+FEFF": "\ufefftext",
    "empty lines": "te\n\nxt",
    "colons": ": text: text",
}
"""Texts of which a library may take something away, by what that is."""

COUNT: Final = 30
"""How many numbers are sent, between which connections are cut."""

SIZES: Final = (500_000, 1_000_000, 1_100_000)
"""Lengths of texts, in bytes."""

_gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
_asked: set[str] = set()


async def handler(channel: Channel) -> None:
    """Do what the path says."""
    scope = cast(ServerChannel, channel).scope
    asked = query(scope)
    path = scope["path"]
    if path == "/busy" and asked["name"] not in _asked:
        _asked.add(asked["name"])
        await channel.refuse(503, [(b"retry-after", b"1")])
        return
    await channel.accept()
    if path == "/open":
        _gates[asked["gate"]].set()
    elif path == "/all":
        for text in PROBES.values():
            await channel.send(text)
        await _gates[asked["gate"]].wait()  # heartbeats go out meanwhile
        for number in range(COUNT):
            await channel.send(f"number {number} of {COUNT}")
    elif path == "/sizes":
        for size in SIZES:
            await channel.send("x" * size)
    else:
        await channel.send("number 0")
    await channel.close(4000, "done")


app = Endpoint(handler, readers="events", limits=ServerLimits(heartbeat=0.2, outbox=8 << 20))
