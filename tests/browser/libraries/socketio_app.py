"""A server of python-socketio, behind byway's middleware.

Knows: the events of the page.
Must not know: what carries them.
"""

from __future__ import annotations

import asyncio

import socketio
from starlette.applications import Starlette

from byway import FallbackMiddleware
from tests.browser.libraries.site import routes

server = socketio.AsyncServer(async_mode="asgi")


async def echo(sid: str, data: object) -> object:
    """Acknowledge an event with what came."""
    return data


async def count(sid: str, upto: int, pause: float) -> None:
    """Count from 0, with seconds of pause between."""
    for number in range(upto):
        await server.emit("number", number, to=sid)
        await asyncio.sleep(pause)


server.on("echo", echo)
server.on("count", count)
app = FallbackMiddleware(socketio.ASGIApp(server, Starlette(routes=routes("socketio.html"))))
