"""A session in an event loop: who waits for what.

Knows: asyncio, the session, the names of transports as words for the log.
Must not know: HTTP, WebSocket, ASGI, which side it is on.
"""

from byway.runtime.carrier import LATE, CarrierOpened, LiveCarrier
from byway.runtime.session import LiveSession

__all__ = ["LATE", "CarrierOpened", "LiveCarrier", "LiveSession"]
