"""WebSockets: the entrance of handshakes that speak byway.

Knows: how a handshake names its session, and what a page of a doubtful origin may do by one.
Must not know: how frames travel in a WebSocket, how sessions are found.
"""

from __future__ import annotations

from byway.errors import PeerError
from byway.handshake import Hello
from byway.server.call import Call
from byway.server.carrying import carry
from byway.server.context import Context


async def serve_websocket(call: Call, context: Context) -> None:
    """Serve a WebSocket that speaks byway."""
    hello = Hello.from_offers(call.scope["subprotocols"])
    assert hello is not None
    await carry(call, context, hello)


async def move_to_websocket(call: Call, context: Context, refusal: PeerError) -> None:
    """Serve a WebSocket that may carry a session which its own origin opened, and open none.

    Raises:
        PeerError: `refusal`, where it does not.
    """
    hello = Hello.from_offers(call.scope["subprotocols"])
    assert hello is not None
    if hello.instance is None:
        raise refusal
    if context.sharing.owner(call, hello) is None:
        found = await context.admission.find(call, hello)
        if found.opened_by.origin != call.values.get(b"origin", b""):
            raise refusal
    # What names its instance opens nothing, even if the session ends just now.
    await carry(call, context, hello, moves=refusal)
