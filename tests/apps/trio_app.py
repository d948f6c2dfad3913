"""An endpoint alone, and in what keeps the lifespan to itself, for Hypercorn's trio worker."""

from __future__ import annotations

from byway.transports.base import Receive, Scope, Send
from tests.apps.routed_app import both

app = both


async def outer(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass on all but the lifespan, as frameworks do."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await both(scope, receive, send)
