"""Servers of the demonstration that run in its own process.

Knows: uvicorn, and how it is stopped.
Must not know: what is served.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

GRACE = 1
"""Seconds that requests may take to end when it stops."""


def listener(port: int = 0) -> socket.socket:
    """Return a socket that listens on the loopback, where nobody else can reach it.

    Raises:
        OSError: the port is taken.
    """
    return socket.create_server(("127.0.0.1", port))


def port_of(listening: socket.socket) -> int:
    """Return where a socket listens."""
    port: int = listening.getsockname()[1]
    return port


@asynccontextmanager
async def serving(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application while the block runs, and close the socket after it."""
    config = uvicorn.Config(
        app,
        log_config=None,  # a library's logging belongs to the program; and this one says enough
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    with listening:
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """A server that leaves signals to the command line."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
