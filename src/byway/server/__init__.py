"""The server: an ASGI middleware that serves one application over every transport."""

from byway.server.endpoint import Endpoint
from byway.server.middleware import FallbackMiddleware
from byway.server.watching import watch

__all__ = ["Endpoint", "FallbackMiddleware", "watch"]
