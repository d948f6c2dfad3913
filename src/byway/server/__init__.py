"""The server: an ASGI middleware that serves one application over every transport."""

from byway.server.endpoint import Endpoint
from byway.server.middleware import FallbackMiddleware

__all__ = ["Endpoint", "FallbackMiddleware"]
