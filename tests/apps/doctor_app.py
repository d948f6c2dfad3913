"""What the doctor's tests try: handlers that must not run, and as many probes as a test wants.

Knows: how a server with byway is told how many probes it may have.
Must not know: which networks stand before it.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from byway import Channel, Endpoint, ServerLimits

logger = logging.getLogger("tests.app")

MANY = ServerLimits(probes=1_000, probes_per_address=1_000)


async def handler(channel: Channel) -> None:
    """Say in the log that it runs, which a probe may not cause."""
    logger.error("the handler runs")
    await channel.accept()
    async for message in channel:
        await channel.send(message)


app = Endpoint(handler, limits=MANY)
quick = Endpoint(handler, limits=replace(MANY, heartbeat=1.0, least_heartbeat=0.1))
some = Endpoint(handler, transports="stream, poll", limits=MANY)
bounded = Endpoint(handler, limits=ServerLimits(probes=3, probes_per_address=2, probe_time=1.0))
impatient = Endpoint(handler, limits=ServerLimits(probe_wait=0.2))
