"""Pushes numbered messages, and answers those of the client with what it got, digest by digest."""

from __future__ import annotations

import asyncio
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import query
from tests.support.numbered import LONGEST, Numbered, digest

ECHO = "got "
"""How an answer begins; a pushed message begins with its number."""

DONE = 4321
"""The code of the close that comes after everything."""


async def handler(channel: Channel) -> None:
    """Push and answer until both counts are full, then close with what was counted."""
    asked = query(cast(ServerChannel, channel).scope)
    longest = int(asked.get("longest", str(LONGEST)))
    push = Numbered(f"down/{asked['seed']}", int(asked["count"]), longest=longest)
    expected = Numbered(f"up/{asked['seed']}", int(asked["count"]), longest=longest)
    await channel.accept()
    wrong = ""

    async def send() -> None:
        for numbers, pause in push.bursts(float(asked["seconds"])):
            for number in numbers:
                await channel.send(push[number])
            await asyncio.sleep(pause)

    async def answer() -> None:
        nonlocal wrong
        for number in range(len(expected)):
            message = await channel.receive()
            if message is None:
                return
            if message != expected[number] and not wrong:
                wrong = f"at {number} came {digest(message)}, not {digest(expected[number])}"
            await channel.send(f"{ECHO}{number} {digest(message)}")

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        group.create_task(answer())
    await channel.close(DONE, wrong or f"{len(push)} down, {len(expected)} up")


QUICK = ServerLimits(heartbeat=1.0, window=30.0)
"""A carrier that has gone silent is given up after two seconds."""

FAILING = ServerLimits(heartbeat=0.5, window=30.0, silence=1.0, body_timeout=0.5)
"""For carriers that die in ways that only a time-out ends."""

BRIEF = ServerLimits(heartbeat=0.5, window=1.0, silence=0.5)
"""For clients that come back too late."""

app = Endpoint(handler, limits=QUICK)
failing = Endpoint(handler, limits=FAILING)
brief = Endpoint(handler, limits=BRIEF)
