"""The Starlette application for pages of other origins."""

from __future__ import annotations

from byway import FallbackMiddleware
from tests.apps.starlette_app import plain

named = FallbackMiddleware(plain, origins=["https://app.example"], readers=["/info"])
anybody = FallbackMiddleware(plain, origins=["*"])
