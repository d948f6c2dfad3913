"""A session in an event loop: who waits for what.

Knows: asyncio, the session, the names of transports as words for the log.
Must not know: HTTP, WebSocket, ASGI, which side it is on.
"""

from byway.runtime.carrier import LATE, Attachment, CarrierOpened
from byway.runtime.session import LiveSession

__all__ = ["LATE", "Attachment", "CarrierOpened", "LiveSession"]
