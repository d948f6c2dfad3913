"""An echo with Prometheus' numbers at /metrics, and a door that refuses at /no."""

from __future__ import annotations

import os

import prometheus_client
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from byway import FallbackMiddleware
from byway.metrics import Collector, Metrics


async def echo(websocket: WebSocket) -> None:
    """Send back what is said."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def refuse(websocket: WebSocket) -> None:
    """Let nobody in."""
    await websocket.close()


async def own(_: Request) -> Response:
    """Respond as an application does that has a registry of its own."""
    return PlainTextResponse(prometheus_client.generate_latest(registry))


async def pid(_: Request) -> Response:
    """Say which process this is."""
    return PlainTextResponse(str(os.getpid()))


application = Starlette(
    routes=[
        WebSocketRoute("/", echo),
        WebSocketRoute("/no", refuse),
        Route("/own", own),
        Route("/pid", pid),
    ]
)
app = FallbackMiddleware(application)
application.routes.append(Route("/metrics", Metrics(app)))
registry = CollectorRegistry()
registry.register(Collector(app))
