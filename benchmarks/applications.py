"""The application that is measured, bare and wrapped.

A message `push N` is answered by N texts of 32 bytes; any other is sent back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from byway import Channel, Endpoint, FallbackMiddleware

TEXT = "0123456789abcdef0123456789abcdef"


async def bare(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Serve a WebSocket with nothing in between."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event["text"]
        if text.startswith("push "):
            for _ in range(int(text[5:])):
                await send({"type": "websocket.send", "text": TEXT})
        else:
            await send({"type": "websocket.send", "text": text})


wrapped = FallbackMiddleware(bare)


async def _count(channel: Channel) -> None:
    """After `count N`, say something when N messages have come."""
    await channel.accept()
    async for message in channel:
        for _ in range(int(str(message)[6:])):
            await channel.receive()
        await channel.send("done")


counting = Endpoint(_count)
