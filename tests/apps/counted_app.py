"""Pushes numbered messages and counts those of the client, whose page is served here too.

What message a number stands for is written down once more in tests/browser/counted.js.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import cast

from byway import Channel, Endpoint, FallbackMiddleware, ServerLimits
from byway.server.endpoint import ServerChannel
from byway.transports.base import Receive, Scope, Send
from tests.apps.browser_app import plain
from tests.apps.handlers import query

logger = logging.getLogger("tests.app")

DONE = 4321
"""The code of the close that comes after everything."""

QUICK = ServerLimits(heartbeat=1.0, window=30.0)
"""A carrier that has gone silent is given up after two seconds."""

MARGIN = 20
"""Messages after which a pause is made."""


def message(number: int) -> str | bytes:
    """Make the message with a number: one in fifty is long, one in three binary."""
    size = 20_000 + number if number % 50 == 49 else number * 37 % 300
    if number % 3 == 0:
        return number.to_bytes(4, "big") + bytes([number % 256]) * size
    return f"{number}:" + "é€x🛣"[number % 4] * size


async def handler(channel: Channel) -> None:
    """Push and count until both are full, then close with what was counted."""
    asked = query(cast(ServerChannel, channel).scope)
    count, seconds = int(asked["count"]), float(asked["seconds"])
    logger.info("%s runs in %d", asked.get("name", "it"), os.getpid())
    await channel.accept()

    async def push() -> None:
        for number in range(count):
            await channel.send(message(number))
            if number % MARGIN == MARGIN - 1:
                await asyncio.sleep(seconds * MARGIN / count)

    wrong = 0

    async def take() -> None:
        nonlocal wrong
        for number in range(count):
            wrong += await channel.receive() != message(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(push())
        group.create_task(take())
    await channel.close(DONE, f"{count} up, {wrong} wrong")


_endpoint = Endpoint(handler, limits=QUICK)
_pages = FallbackMiddleware(plain, limits=QUICK)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the endpoint at /counted, and the pages of browser_app elsewhere."""
    if scope["type"] == "lifespan" or scope["path"] == "/counted":
        await _endpoint(scope, receive, send)
    else:
        await _pages(scope, receive, send)
