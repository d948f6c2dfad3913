"""Preflights: the entrance of browsers that ask whether a page may send a request of the protocol.

Knows: what the response to an allowed preflight says (WHATWG Fetch).
Must not know: which origins are allowed, sessions.
"""

from __future__ import annotations

from byway.server.call import Call
from byway.server.context import Context
from byway.server.cors import preflight_headers
from byway.server.responses import send_response


async def serve_preflight(call: Call, context: Context) -> None:
    """Allow the request that a browser asks about; its origin was judged before."""
    await send_response(call, 204, preflight_headers(call.values), b"")
