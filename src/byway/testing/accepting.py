"""The end of listening: connections that asyncio is accepting just then.

Knows: how asyncio's loops accept.
Must not know: what becomes of connections.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

TURNS: Final = 4
"""Turns of the event loop in which a connection that asyncio has accepted is shown."""


async def accept_no_more(server: asyncio.Server) -> None:
    """Take no connection any more, and wait for those that are being accepted just now.

    To be called before `close()`: asyncio leaves the sockets of these open where that comes first.
    """
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        # Other loops than asyncio's of selectors take it as a socket that nobody watches.
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.remove_reader(sock)
    for _ in range(TURNS):
        await asyncio.sleep(0)
