"""Look-ups of names, in a few threads of byway's own.

Knows: the system's resolver, how many look-ups may run at once, who waits for which name.
Must not know: what is connected to, sessions.

The system's resolver blocks, for tens of seconds where no name server answers. In the event loop's
default executor, where asyncio would have it, that keeps an application's `asyncio.to_thread()`
waiting. These threads are daemons: no look-up delays the end of the process.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final, cast

MAX_LOOKUPS: Final = 8
"""Look-ups that run at once, each in a thread; others wait for one to end. A name has one at most,
however many ask for it."""

ROUND: Final = 10.0
"""Seconds for which the attempts of one round share a result, at most."""

Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]
"""An address as `socket.getaddrinfo` returns it: family, type, protocol, "", socket address."""

_Future = asyncio.Future[list[Address]]
_Waiter = tuple[asyncio.AbstractEventLoop, _Future]


@dataclass(slots=True, eq=False)
class _Job:
    """A look-up: queued, or running in a thread."""

    host: str
    running: bool = False
    waiters: list[_Waiter] = field(default_factory=list)


class Resolver:
    """Looks names up, for any task of any event loop; all who ask for a name share one look-up."""

    def __init__(self, most: int = MAX_LOOKUPS) -> None:
        """Start no thread yet.

        Args:
            most: threads at once.
        """
        self._most = most
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._queue: deque[_Job] = deque()
        self._threads = 0

    async def look_up(self, host: str) -> list[Address]:
        """Return a name's addresses, in the order in which to try them (RFC 6724); port 0.

        Cancelling ends the wait at once. A look-up that has begun goes on in its thread, and one
        that nobody waits for any more does not begin.

        Raises:
            OSError: the name is not known, or no name server answered (`socket.gaierror`).
        """
        loop = asyncio.get_running_loop()
        waiter: _Waiter = (loop, loop.create_future())
        with self._lock:
            job = self._jobs.get(host)
            if job is None:
                job = self._jobs[host] = _Job(host)
                self._queue.append(job)
            job.waiters.append(waiter)
            self._start_thread()
        try:
            return await waiter[1]
        finally:
            with self._lock:
                if waiter in job.waiters:
                    job.waiters.remove(waiter)
                if not job.waiters and not job.running and self._jobs.get(host) is job:
                    del self._jobs[host]
                    self._queue.remove(job)

    def _start_thread(self) -> None:
        """Start one more thread if there is work for it; the lock is held."""
        if self._queue and self._threads < self._most:
            thread = threading.Thread(target=self._work, name="byway look-up", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no more, or the process ends
                if not self._threads:
                    for job in self._queue:
                        self._settle(job, OSError(f"no thread for a look-up: {error}"))
                    self._queue.clear()
                return
            self._threads += 1

    def _work(self) -> None:
        """Look up what is queued, until nothing is."""
        while True:
            with self._lock:
                if not self._queue:
                    self._threads -= 1
                    return
                job = self._queue.popleft()
                job.running = True
            found: list[Address] | Exception
            try:
                found = _ask(job.host, 0)
            except Exception as error:  # gaierror, and UnicodeError of a name that cannot be
                found = error
            with self._lock:
                self._settle(job, found)

    def _settle(self, job: _Job, found: list[Address] | Exception) -> None:
        """Tell all who wait; the lock is held."""
        self._jobs.pop(job.host, None)
        waiters, job.waiters = job.waiters, []
        for loop, future in waiters:
            try:
                loop.call_soon_threadsafe(_tell, future, found)
            except RuntimeError:
                pass  # that loop is closed, and nobody waits


def _ask(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return cast("list[Address]", found)


def _tell(future: _Future, found: list[Address] | Exception) -> None:
    if future.done():
        return
    if isinstance(found, Exception):
        future.set_exception(_again(found))
    else:
        future.set_result(found)


def _again(error: Exception) -> OSError:
    """Return an error anew: each who gets it adds to its traceback."""
    return type(error)(*error.args) if isinstance(error, OSError) else OSError(str(error))


SHARED: Final = Resolver()
"""The one of this process."""

if hasattr(os, "register_at_fork"):
    # A child has none of the threads, and maybe a lock that nobody will release.
    os.register_at_fork(after_in_child=SHARED._reset)


class Names:
    """The addresses that one round of a session's attempts goes to."""

    def __init__(self, resolver: Resolver = SHARED) -> None:
        """Know none.

        Args:
            resolver: who looks them up.
        """
        self._resolver = resolver
        self._found: dict[str, tuple[float, list[Address] | Exception]] = {}
        self._round = 0

    def forget(self) -> None:
        """Begin another round: ask anew, also for what failed."""
        self._found.clear()
        self._round += 1

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host, which may be one itself; see `Resolver.look_up`.

        Raises:
            OSError: the name is not known, or no name server answered (`socket.gaierror`).
        """
        try:
            return _ask(host, port, socket.AI_NUMERICHOST)  # which asks nobody
        except (OSError, UnicodeError):
            pass  # a name, or what can be none: the look-up says so
        now = asyncio.get_running_loop().time()
        known = self._found.get(host)
        if known is None or now - known[0] >= ROUND:
            begun = self._round
            found: list[Address] | Exception
            try:
                found = await self._resolver.look_up(host)
            except OSError as error:
                found = error
            known = (now, found)
            if begun == self._round:
                self._found[host] = known
        if isinstance(known[1], Exception):
            raise _again(known[1])
        return [_with_port(one, port) for one in known[1]]


def _with_port(address: Address, port: int) -> Address:
    at = address[4]
    changed = (at[0], port) if len(at) == 2 else (at[0], port, at[2], at[3])
    return (*address[:4], changed)
