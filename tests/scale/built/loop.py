"""An event loop for each process, all of them in the time of the model.

Knows: asyncio's handles, when their process may do something.
Must not know: what runs in it.

asyncio wants a loop for each process: the product keeps its name and its backplane by it. Whatever
is due in a loop is due in its world, so it is not done when the process is dead, and when it is
paused, after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

from tests.scale.life import Living
from tests.scale.world import Violation

T = TypeVar("T")

TICK = 1e-6
"""Least seconds until a timer is due."""


class ProcessLoop(asyncio.AbstractEventLoop):  # what is not here raises NotImplementedError
    """The loop of one process."""

    def __init__(self, process: Living) -> None:
        """Do nothing yet."""
        self.process = process
        self.world = process.world
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._ending = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    def _run(self, handle: asyncio.Handle) -> None:
        if not handle.cancelled():
            with self.running():
                handle._run()

    # What asyncio calls

    def time(self) -> float:
        """Return the time of the world."""
        return self.world.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Do it in this moment, behind what is due already."""
        handle = asyncio.Handle(callback, args, self, context)
        self.process.step(0, partial(self._run, handle))
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do it at a time."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        # Time goes on between two timers, or one that comes a rounding error too early sets itself
        # again and again.
        self.process.step(max(TICK, when - self.world.now), partial(self._run, handle))
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do it after a delay."""
        return self.call_at(self.world.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A timer that was cancelled is passed over when it is due."""

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # typeshed's is generic in ways that differ by release
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Make a task."""
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.add(task)
        return task

    def get_debug(self) -> bool:
        """Say no."""
        return False

    def is_running(self) -> bool:
        """Say yes."""
        return True

    def is_closed(self) -> bool:
        """Say no."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Take an exception that nobody caught for a promise that was broken."""
        error = context.get("exception")
        if error is not None and not self._ending and self.process.alive:
            broken = Violation(f"{context['message']}: {error!r}")
            broken.__cause__ = error
            self.world.broken = self.world.broken or broken

    # The end

    def end(self) -> None:
        """Cancel what runs, also where the process is dead: the run is over."""
        self._ending = True
        self.process.alive, self.process.paused = True, False
        with self.running():
            for task in list(self._tasks):
                task.cancel()
