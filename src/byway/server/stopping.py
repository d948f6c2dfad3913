"""Stopping: seeing that a server has begun to stop though no signal came.

Knows: how uvicorn's `Server` says that it stops, in its own workers and in gunicorn's.
Must not know: sessions, what is done then.

A server that has served its number of requests (`--limit-max-requests`, gunicorn's `max_requests`)
stops without a signal: it takes no connection any more, and waits for responses that have no end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

LOOK: Final = 0.5
"""Seconds between two looks."""

_DEPTH: Final = 20


class StopWatch:
    """Calls something once the server of this event loop has begun to stop."""

    def __init__(self, heard: Callable[[], object]) -> None:
        """Prepare to call `heard`."""
        self._heard = heard
        self._server: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> bool:
        """Look from now on; False where the server is none that says so."""
        self.stop()
        self._server = _server()
        if self._server is None:
            return False
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)
        return True

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._server = None

    def _look(self) -> None:
        if _stops(self._server):
            self.stop()
            self._heard()
        else:
            self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)


def _stops(server: Any) -> bool:
    """Say whether a server was told to stop, or takes no connection any more."""
    listening = getattr(server, "servers", ())
    closed = bool(listening) and not any(one.is_serving() for one in listening)
    return bool(server.should_exit) or closed


def _server() -> Any:
    """Find the server: its own task runs a method of it."""
    for task in asyncio.all_tasks():
        waiting: Any = task.get_coro()
        for _ in range(_DEPTH):
            frame = getattr(waiting, "cr_frame", None)
            if frame is None:
                break
            owner = frame.f_locals.get("self")
            if hasattr(owner, "should_exit") and hasattr(owner, "handle_exit"):
                return owner
            waiting = waiting.cr_await
    return None
