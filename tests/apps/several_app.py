"""Numbered messages, and openings that are counted: each handler names its process in the log."""

from __future__ import annotations

import logging
import os
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps import numbered_app
from tests.apps.handlers import query

logger = logging.getLogger("tests.app")

QUICK = ServerLimits(heartbeat=1.0, window=30.0)
"""A carrier that has gone silent is given up after two seconds."""


async def handler(channel: Channel) -> None:
    """Name the process, then do what `numbered_app` does, or wait where nothing is asked for."""
    asked = query(cast(ServerChannel, channel).scope)
    logger.info("%s runs in %d", asked["seed"], os.getpid())
    if "count" in asked:
        await numbered_app.handler(channel)
        return
    await channel.accept()
    async for message in channel:
        await channel.send(message)


app = Endpoint(handler, limits=QUICK)
