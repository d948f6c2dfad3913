"""Closing a WebSocket that carried a session, on whatever server.

Knows: which codes a server may refuse to send, and how servers tell that the client has gone.
Must not know: why it is closed, sessions.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger: logging.Logger = logging.getLogger("byway.transports.websocket")


async def close_websocket(
    send: Callable[[dict[str, Any]], Awaitable[None]], code: int, reason: str
) -> None:
    """Close it with a code (RFC 6455, section 7.4), or with 1000 where the server refuses that.

    Daphne takes 1000 and 3000 to 4999 from an application, and raises `Exception` for the others.

    Args:
        send: of ASGI.
        code: why it is closed.
        reason: the same in words; 100 characters of it are sent.

    Raises:
        OSError: the client has gone.
    """
    event = {"type": "websocket.close", "code": code, "reason": reason[:100]}
    try:
        await send(event)
    except OSError:
        raise
    except RuntimeError:
        # Older uvicorns (0.35 to 0.40) raise it where the client closed first and the receive
        # that would have told was cancelled; ASGI has OSError for that.
        logger.debug("the client has closed its WebSocket already")
    except Exception:
        if code == 1000 or code >= 3000:
            raise
        await send({**event, "code": 1000})
