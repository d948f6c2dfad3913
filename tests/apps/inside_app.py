"""The middleware where it should not be: around one WebSocket route of a router."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from byway import FallbackMiddleware


async def chat(socket: WebSocket) -> None:
    """Say one word."""
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


async def page(request: Request) -> Response:
    """Answer a GET of the same path."""
    return PlainTextResponse("a page")


_INSIDE = [Middleware(FallbackMiddleware)]
app = Starlette(
    routes=[
        WebSocketRoute("/chat", chat, middleware=_INSIDE),
        WebSocketRoute("/both", chat, middleware=_INSIDE),
        Route("/both", page),
    ]
)
