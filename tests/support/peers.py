"""Clients of every kind that tests use against a server.

Knows: how a test connects over one transport, and how the answers of raw requests are read.
Must not know: what the server's application does.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import byway

TRANSPORTS = ("websocket", "stream", "sse", "poll")
"""All of them."""


def connect(
    url: str, transport: str | None = None, **options: Any
) -> AbstractAsyncContextManager[byway.Channel]:
    """Connect over one transport, or over what gets through; without a proxy by default."""
    if transport is not None:
        options["transports"] = [transport]
    return byway.connect(url, **{"proxy": None, "open_timeout": 15.0, **options})


async def exchange(channel: byway.Channel, *messages: str | bytes) -> list[str | bytes | None]:
    """Send messages and return as many answers."""
    for message in messages:
        await channel.send(message)
    return [await channel.receive() for _ in messages]
