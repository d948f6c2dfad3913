"""Signals: hearing that the server is about to stop, in time to tell the clients.

Knows: signals, and how to put a handler before one that is there.
Must not know: sessions, what is done when the signal comes.

uvicorn sends `lifespan.shutdown` only after the last response has ended, so an endless one would
keep the server from stopping until its grace period is over. And it stops listening at once: a
client between two polls would find nobody who tells it. So the server hears of the signal when the
clients have, a little later.

A server's handler may be one of Python (`signal.signal`: uvicorn, gunicorn) or of the event loop
(`loop.add_signal_handler`: Granian, Hypercorn, anycorn), which `wakeup` holds back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from byway.server.wakeup import STOPS, Wakeup, wakeup


class SignalWatch:
    """Calls something in the event loop when the process is told to stop.

    The handler that was there before is called too, so the server stops as it would: when it is
    let, or when a second signal shows that somebody cannot wait.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, heard: Callable[[Callable[[], None]], None]
    ) -> None:
        """Prepare to call `heard` in `loop`, with what lets the handler before have the signal."""
        self._loop = loop
        self._heard = heard
        self._before: dict[int, Any] = {}
        self._waiting: list[partial[None]] = []  # calls of the handlers before
        self._came = False  # a signal came here
        self._told = False  # `heard` was called
        self._may_stop = False
        self._removed = False
        self._pid = os.getpid()
        self._wakeup: Wakeup | None = None

    def install(self) -> bool:
        """Put it before the handlers of SIGINT and SIGTERM; False outside the main thread.

        It may be called again, in the event loop: some servers install theirs after the lifespan
        has started.
        """
        if threading.current_thread() is not threading.main_thread():
            return False
        self._removed = False
        for number in STOPS:
            before = signal.getsignal(number)
            if not self._is_asked_by(before, number):
                self._before[number] = before
                signal.signal(number, self._handle)
        self._wakeup = wakeup()
        if self._wakeup is not None and not self._may_stop:
            self._wakeup.hold(self)
        return True

    def _is_asked_by(self, handler: Any, number: int) -> bool:
        """Say whether a handler is this one's, or another's that was put before it."""
        while isinstance(watch := getattr(handler, "__self__", None), SignalWatch):
            if watch is self:
                return True
            handler = watch._before.get(number)
        return False

    def remove(self) -> None:
        """Put the handlers back that were there before.

        Where somebody came after, it stays in between and passes on, until they are removed too.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._removed = True
        for number in STOPS:
            now = signal.getsignal(number)
            while isinstance(watch := getattr(now, "__self__", None), SignalWatch):
                now = watch._before.get(number)
                if not watch._removed or now is None:
                    break
                signal.signal(number, now)
        if self._wakeup is not None:
            self._wakeup.release(self)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._removed or os.getpid() != self._pid:
            # What a child does that the application has forked is not for us to say.
            self._pass_on(self._before.get(number), number, frame)
            return
        impatient, self._came = self._came, True
        self._waiting.append(partial(self._pass_on, self._before.get(number), number, frame))
        if impatient or self._may_stop or not self._loop.is_running():
            self._let()
        else:
            self.tell()

    def tell(self) -> None:
        """Let all who watch in this process hear at once, whoever of them passes it on last."""
        if self._told:
            return
        self._told = True
        if not self._removed:
            self._loop.call_soon_threadsafe(self._heard, self._let)
        for before in self._before.values():
            inner = getattr(before, "__self__", None)
            if isinstance(inner, SignalWatch):
                inner.tell()

    def _let(self) -> None:
        """Let the handlers before have what they have not had yet."""
        self._may_stop = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one()
        if self._wakeup is not None:
            self._wakeup.release(self)

    @staticmethod
    def _pass_on(before: Any, number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
