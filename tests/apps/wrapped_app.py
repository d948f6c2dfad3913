"""FallbackMiddleware inside of middleware that it should rather stand outside of."""

from __future__ import annotations

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from byway import Endpoint, FallbackMiddleware
from tests.apps.readers_app import handler
from tests.apps.starlette_app import plain


async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Add a header, as such middleware does."""
    response = await call_next(request)
    response.headers["x-passed"] = "yes"
    return response


gzip = GZipMiddleware(FallbackMiddleware(plain), minimum_size=1)
base = BaseHTTPMiddleware(FallbackMiddleware(plain), dispatch)
both = GZipMiddleware(BaseHTTPMiddleware(FallbackMiddleware(plain), dispatch), minimum_size=1)
readers = GZipMiddleware(Endpoint(handler), minimum_size=1)
