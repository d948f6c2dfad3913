"""Lost upgrades: the entrance of WebSocket handshakes that something on the path has broken.

Knows: what a client is told whose handshake came without `Upgrade` or without its subprotocol.
Must not know: how such a handshake is recognized, sessions.
"""

from __future__ import annotations

from byway.errors import PeerError
from byway.server.call import Call
from byway.server.context import Context


async def refuse_stripped_handshake(call: Call, context: Context) -> None:
    """Refuse a handshake whose `Upgrade` was removed, and name the transports that work here.

    Raises:
        PeerError: 426, always.
    """
    others = ", ".join(name for name in context.offer.names if name != "websocket")
    raise PeerError(
        "a proxy removed the Upgrade header of this WebSocket handshake; "
        f"byway is here over {others or 'no other transport'}",
        status=426,
    )


async def refuse_dropped_offer(call: Call, context: Context) -> None:
    """Refuse a handshake whose subprotocols were removed.

    As a plain one it would run the application, and so would the client over HTTP.

    Raises:
        PeerError: 400, always.
    """
    raise PeerError(
        "a proxy removed the Sec-WebSocket-Protocol header of this WebSocket handshake", status=400
    )
