"""Numbered messages both ways, 5 ms apart, where no endless answer lives for long."""

from __future__ import annotations

import asyncio
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import query

PACE = 0.005
"""Seconds between two messages."""

DONE = 4321
"""The code of the close that comes after everything."""

LIVES = ServerLimits(heartbeat=0.5, answer_time=0.3)


async def handler(channel: Channel) -> None:
    """Push as many numbers as the client asks for, and check that it says as many, in order."""
    count = int(query(cast(ServerChannel, channel).scope)["count"])
    await channel.accept()

    async def push() -> None:
        for number in range(count):
            await channel.send(str(number))
            await asyncio.sleep(PACE)

    pushing = asyncio.create_task(push())
    came = [await channel.receive() for _ in range(count)]
    await pushing
    right = came == [str(number) for number in range(count)]
    await channel.close(DONE, "all came in order" if right else f"came: {came}"[:120])


async def echo(channel: Channel) -> None:
    """Send everything back."""
    await channel.accept()
    async for message in channel:
        await channel.send(message)


app = Endpoint(handler, limits=LIVES)
echoing = Endpoint(echo, limits=LIVES)
