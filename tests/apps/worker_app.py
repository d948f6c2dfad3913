"""Sessions that say in which worker their handler runs, and echo: `PID MESSAGE`."""

from __future__ import annotations

import os

from byway import Channel, Endpoint
from byway.limits import ServerLimits


async def handler(channel: Channel) -> None:
    """Echo, until the client leaves."""
    await channel.accept()
    await channel.send(str(os.getpid()))
    async for message in channel:
        await channel.send(message)


app = Endpoint(handler, limits=ServerLimits(drain_spread=0.5, drain_timeout=15.0))
