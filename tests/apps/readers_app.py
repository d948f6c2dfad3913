"""Handlers that readers without a client library listen to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import count
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import query

_gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

KINDS: list[str | bytes] = [
    "plain",
    "",
    "two\nlines",
    "carriage\rreturn",
    '"quoted"',
    "nul\x00 and \u2028",
    b"\x00\xffbinary",
    b"",
    "last",
]


async def handler(channel: Channel) -> None:
    """Do what the path says."""
    scope = cast(ServerChannel, channel).scope
    asked = query(scope)
    path = scope["path"]
    if path == "/refuse":
        await channel.close()
        return
    if path == "/busy":
        await channel.refuse(503, [(b"retry-after", b"7"), (b"x-answer", b"from the handler")])
        return
    await channel.accept(headers=[(b"x-answer", b"from the handler")])
    if path == "/open":
        _gates[asked["gate"]].set()
    elif path == "/gate":
        await channel.send("before")
        await _gates[asked["gate"]].wait()
        await channel.send("after")
        await channel.close(4000, "done")
    elif path == "/count":
        for number in range(int(asked["count"])):
            await channel.send(f"number {number}")
        await channel.receive()
    elif path == "/finite":
        for number in range(int(asked["count"])):
            await channel.send(f"number {number}")
        await channel.close(4000, "done")
    elif path == "/forever":
        for number in count():
            await channel.send(f"number {number}")
    elif path == "/kinds":
        for message in KINDS:
            await channel.send(message)
        await channel.close(4000, "done")


app = Endpoint(handler)
forgetful = Endpoint(handler, limits=ServerLimits(outbox=4096))
quick = Endpoint(handler, readers="events", limits=ServerLimits(heartbeat=0.1))
full = Endpoint(handler, limits=ServerLimits(sessions=1))
