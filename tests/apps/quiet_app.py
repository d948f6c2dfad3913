"""An echo whose clients may be silent for a short while only."""

from __future__ import annotations

from byway import Channel, Endpoint, ServerLimits

SHORT = ServerLimits(heartbeat=1.0, silence=2.5, window=5.0)
"""A client of which nothing was heard for 7.5 s is gone."""


async def handler(channel: Channel) -> None:
    """Send back what comes."""
    await channel.accept()
    async for message in channel:
        await channel.send(message)


app = Endpoint(handler, limits=SHORT)
