"""Inside: middleware that a router hands WebSockets to, and requests not.

Knows: how that shows, and what helps.
Must not know: other refusals, how anything was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from byway.negotiation.evidence import Evidence

ADVICE: Final = (
    "On the server, wrap the whole application, `app = FallbackMiddleware(app)`, not a route or a "
    "router (Litestar's `middleware=[…]`, Starlette's `Route(middleware=…)`). If that is done "
    "already, ask whoever runs the proxy to let POST pass on this path."
)


def inside_a_router(one: Evidence, evidence: Sequence[Evidence]) -> str:
    """Return why a router without POST is the likely cause of a refusal; "" where it is not.

    A router refuses POSTs at the path of a WebSocket with 404 or 405, and the middleware inside of
    it never sees them, while the handshake reaches it.
    """
    reached = any(
        other.transport == "websocket" and other.opened is not None and not other.plain
        for other in evidence
    )
    if one.transport == "websocket" or one.mark or one.status not in (404, 405) or not reached:
        return ""
    return (
        f"The WebSocket of this path reaches byway, but the POST got status {one.status} without "
        "byway: the middleware seems to be inside a router, which has no POST on this path."
    )
