"""A python-socketio server that sends back what it gets.

Knows: python-socketio.
Must not know: who measures.
"""

from __future__ import annotations

import socketio

server = socketio.AsyncServer(async_mode="asgi")


async def echo(sid: str, text: str) -> None:
    """Send a text back."""
    await server.emit("echo", text, to=sid)


server.on("echo", echo)
app = socketio.ASGIApp(server)
