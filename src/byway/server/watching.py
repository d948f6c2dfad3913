"""Watching: clients are told before a server that somebody runs by hand shuts down.

Knows: that such a server has a coroutine method `shutdown`; which endpoints an event loop serves.
Must not know: sessions, how an endpoint tells its clients.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from byway.errors import UsageError

T = TypeVar("T")


class Leaver(Protocol):
    """An endpoint, as far as it leaves."""

    async def finish(self) -> None:
        """Tell the clients; return when they know, or after a while."""


def watch(server: T) -> T:
    """Tell the clients before a server that you run yourself shuts down, for whatever reason::

        server = byway.server.watch(uvicorn.Server(uvicorn.Config(app)))
        await server.serve()

    Where `should_exit` is set, or `limit_max_requests` is reached, no signal comes, and uvicorn
    closes its listening sockets and cuts WebSockets at once. With this its `shutdown` waits until
    all endpoints that it serves have closed their sessions with 1012, as they do on SIGTERM: for
    `drain_timeout` and `handler_timeout` of `ServerLimits` at most. It may be called before the
    event loop runs. Calling it again changes nothing.

    Args:
        server: a `uvicorn.Server`, or another object whose coroutine method `shutdown` is awaited
            before it closes anything. The method of this one object is replaced.

    Returns:
        The server.

    Raises:
        UsageError: it has no such method.
    """
    shutdown: Any = getattr(server, "shutdown", None)
    if not inspect.iscoroutinefunction(shutdown):
        raise UsageError(f"watch() takes a server with `async def shutdown`, not {server!r:.100}")
    if getattr(shutdown, "tells_first", False):
        return server

    @functools.wraps(shutdown)
    async def telling(*args: Any, **kwargs: Any) -> Any:
        here = list(_endpoints.get(asyncio.get_running_loop(), ()))
        await asyncio.gather(*(one.finish() for one in here))
        return await shutdown(*args, **kwargs)

    telling.tells_first = True  # type: ignore[attr-defined]
    server.shutdown = telling  # type: ignore[attr-defined]
    return server


def serves_here(endpoint: Leaver) -> None:
    """Say that the event loop which runs now serves an endpoint."""
    _endpoints.setdefault(asyncio.get_running_loop(), WeakSet()).add(endpoint)


_endpoints: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Leaver]] = WeakKeyDictionary()
