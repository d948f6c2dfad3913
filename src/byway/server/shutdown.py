"""Shutdown: hearing that the server is about to stop, in time to tell the clients.

Knows: signals, and how to put a handler before one that is there.
Must not know: sessions, what is done when the signal comes.

uvicorn sends `lifespan.shutdown` only after the last answer has ended, so an endless one would
keep the server from stopping until its grace period is over.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalWatch:
    """Calls something in the event loop when the process is told to stop.

    The handler that was there before is called too, so the server stops as it would.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Callable[[], None]) -> None:
        """Prepare to call `heard` in `loop`."""
        self._loop = loop
        self._heard = heard
        self._before: dict[int, Any] = {}

    def install(self) -> bool:
        """Put it before the handlers of SIGINT and SIGTERM; False outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return False
        for number in _SIGNALS:
            self._before[number] = signal.getsignal(number)
            signal.signal(number, self._handle)
        return True

    def remove(self) -> None:
        """Put the handlers back that were there before, unless somebody came after."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handle and before is not None:
                signal.signal(number, before)
        self._before.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard)
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
