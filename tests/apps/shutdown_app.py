"""Handlers that leave late or never, by themselves and mounted, and one that misbehaves."""

from __future__ import annotations

import asyncio
import logging

from starlette.applications import Starlette
from starlette.routing import Mount

from byway import Channel, Endpoint, ServerLimits

logger = logging.getLogger("tests.app")


async def leaving(channel: Channel) -> None:
    """Say what comes after the end, some time after it."""
    await channel.accept()
    await channel.send("here")
    while await channel.receive() is not None:
        pass
    await asyncio.sleep(0.5)  # what it writes to disk, say
    logger.info("left with %s", channel.code)


async def lingering(channel: Channel) -> None:
    """Say what comes after the end, longer after it than clients are waited for."""
    await channel.accept()
    await channel.send("here")
    while await channel.receive() is not None:
        pass
    await asyncio.sleep(2.5)
    logger.info("left with %s", channel.code)


async def staying(channel: Channel) -> None:
    """Never leave."""
    await channel.accept()
    await channel.send("here")
    try:
        await asyncio.Event().wait()
    finally:
        logger.info("was cancelled")


async def split(channel: Channel) -> None:
    """Accept with a header that would be two."""
    await channel.accept(headers=[(b"x-a", b"1\r\nx-b: 2")])


app = Endpoint(leaving)
splitting = Endpoint(split)
mounted = Starlette(routes=[Mount("/inside", Endpoint(leaving))])
stubborn = Endpoint(staying, limits=ServerLimits(handler_timeout=0.5))
slow = Endpoint(lingering, limits=ServerLimits(drain_timeout=1.0))
patient = Endpoint(leaving, limits=ServerLimits(drain_timeout=30.0))
two = Starlette(routes=[Mount("/patient", patient), Mount("/inside", Endpoint(leaving))])
