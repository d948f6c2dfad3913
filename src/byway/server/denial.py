"""Denial: a handshake that was answered with a response of its own ends with its connection.

Knows: the ASGI events of a denial response (the extension `websocket.http.response`).
Must not know: who is refused, or why.

uvicorn 0.54 (`websockets-sansio`, its default) logs "ASGI callable returned without completing
handshake" as an error for each denial response, unless the application returns after the
connection has ended.
"""

from __future__ import annotations

import asyncio
from typing import Final

from byway.transports.base import Receive

BODY: Final = "websocket.http.response.body"
"""The event that ends a denial response."""

END_TIME: Final = 1.0
"""Seconds that the end of a connection is waited for, at most."""


async def until_over(receive: Receive) -> None:
    """Return when the connection of a denied handshake has ended, if the server says so.

    uvicorn says at once that the client has left, and again when it has.

    Args:
        receive: of the handshake.
    """
    told = asyncio.ensure_future(_hear(receive))
    await asyncio.sleep(0)
    if not told.done():
        told.cancel()  # this server says nothing, or not soon
    elif told.result():
        again = asyncio.ensure_future(_hear(receive))
        await asyncio.wait({again}, timeout=END_TIME)
        again.cancel()


async def _hear(receive: Receive) -> bool:
    try:
        return bool((await receive())["type"] == "websocket.disconnect")
    except Exception:  # servers differ in what they raise after the end; it is over anyway
        return False
