"""A server of Yjs documents with pycrdt-websocket, behind byway's middleware.

Knows: that each path is a document.
Must not know: what is in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pycrdt.websocket import ASGIServer, WebsocketServer
from starlette.applications import Starlette
from starlette.routing import Mount

from byway import FallbackMiddleware
from tests.browser.libraries.site import routes

documents = WebsocketServer()
serve: Any = ASGIServer(documents)  # whose types are narrower than ASGI's


@asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[None]:
    """Keep the documents as long as the server runs."""
    async with documents:
        yield


application = Starlette(
    lifespan=lifespan,
    routes=[Mount("/yjs", serve), *routes("yjs.html", "yjs", "y-websocket")],
)
app = FallbackMiddleware(application)
