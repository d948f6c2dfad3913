"""The door of a process: where others connect and hand over calls.

Knows: how many may connect, whom a call is given to.
Must not know: requests, directories, addresses of others.

A backplane opens it in `start`, and calls others with `Callers`::

    self._door = Door(self.name, secrets, serve, limits=limits, tell=self.tell, counts=self.counts)
    await self._door.listen_unix("/run/chat/Ab3_x9Qz.sock")         # or, between machines:
    port = await self._door.listen_tcp("10.0.0.7", range(7400, 7410), tls=context)

    self._callers = Callers(self.name, secrets, limits=limits, counts=self.counts)
    link = await self._callers.link(owner, "/run/chat/kk2-0PfA.sock")  # or ("10.0.0.8", 7400)
    self._callers.forget(owner)                                     # once it is known to be gone

    await self._callers.aclose()
    await self._door.aclose()

`secrets` is a callable that returns the secrets valid now, the one in use first; so one can be
replaced while the other is still valid.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import Any, Final

from byway.backplane.base import (
    BackplaneError,
    LinkLost,
    ServeCall,
    ServeRequest,
    Tell,
    Unreachable,
)
from byway.backplane.calls import OneCall
from byway.backplane.connection import LOOKS, Connection
from byway.backplane.counts import Counts
from byway.backplane.kinds import ASK, REQUEST, TELL
from byway.backplane.listening import Listening
from byway.backplane.open_files import OpenFiles
from byway.backplane.pipe import BUFFER, LEAVING, leave
from byway.backplane.proof import NotProven, Proof, Secrets
from byway.backplane.watch import Watch
from byway.limits import ServerLimits

logger: logging.Logger = logging.getLogger("byway.backplane")

SAY_AGAIN: Final = 60.0
"""Seconds in which the log names one connection that was not proven, and no more."""


class Door(Listening):
    """Accepts connections, has them proven, and gives each call to `serve` in a task.

    It belongs to one event loop. What it bounds: `ServerLimits.links`, `links_per_process`,
    `unproven_links` and `link_time`.
    """

    def __init__(
        self,
        name: str,
        secrets: Secrets,
        serve: ServeCall,
        *,
        limits: ServerLimits | None = None,
        tell: Tell | None = None,
        serve_request: ServeRequest | None = None,
        counts: Counts | None = None,
    ) -> None:
        """Be closed.

        Args:
            name: of this process.
            secrets: the secrets that are valid.
            serve: serves a call.
            limits: the bounds.
            tell: responds to ASK; a link that asks is cut where it is None.
            serve_request: responds to REQUEST, in the same way.
            counts: in which `links` is counted.

        Raises:
            UsageError: there is no secret, or it is too short.
        """
        self.limits: ServerLimits = limits or ServerLimits()
        super().__init__(self._connection, self.limits.link_time)
        self.space: memoryview = memoryview(bytearray(BUFFER))
        Proof(name, secrets)  # which says what is wrong with them
        self._name = name
        self._secrets = secrets
        self._serve = serve
        self._tell = tell
        self._serve_request = serve_request
        self._counts = counts or Counts()
        self._files = OpenFiles()
        self._unproven: dict[Connection, None] = {}
        self._proven: dict[Connection, None] = {}
        self._of: dict[str, int] = {}  # connections of each process
        self._tasks: set[asyncio.Future[None]] = set()
        self._watch = Watch(self.limits.link_silence / LOOKS, self._look)
        self._said = float("-inf")
        self._closed = False

    async def aclose(self) -> None:
        """Close the door, cut the links, and wait until their calls have ended.

        Calls that go on for more than a second after that are cancelled.
        """
        self._closed = True
        self.shut()
        self._watch.stop()
        await leave([*self._unproven, *self._proven])
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEAVING)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # What connections call.

    def _connection(self) -> Connection:
        connection = Connection(self, Proof(self._name, self._secrets))
        if len(self._unproven) >= self.limits.unproven_links:
            # A process takes milliseconds: the one that has had the longest time is none.
            oldest = next(iter(self._unproven))
            oldest.end(Unreachable("too many connections are not proven"))
        self._unproven[connection] = None
        return connection

    def proven(self, connection: Connection) -> None:
        """Count a connection in, or refuse it."""
        del self._unproven[connection]
        here = self._of.get(connection.peer, 0)
        if self._closed:
            raise Unreachable("this process leaves")
        if len(self._proven) >= self.limits.links:
            raise Unreachable(
                f"there are {self.limits.links} links, as many as ServerLimits.links lets"
            )
        if here >= self.limits.links_per_process:
            raise Unreachable(
                f"process {connection.peer} has {here} links, as many as "
                "ServerLimits.links_per_process lets"
            )
        self._proven[connection] = None
        self._of[connection.peer] = here + 1
        self._counts.links += 1
        self._files.see(self._counts.links)
        self._watch.start()

    def called(self, link: OneCall, kind: int, payload: bytes) -> None:
        """Serve a call in a task, or respond to ASK, or to REQUEST."""
        if kind == ASK:
            self._told(link, payload)
            return
        if kind == REQUEST:
            served: Awaitable[None] | None = self._respond(link, payload)
            if served is None:
                return
        else:
            served = self._serve(link, payload)
        task = asyncio.ensure_future(served)
        self._tasks.add(task)
        task.add_done_callback(partial(self._served, link))

    def freed(self, connection: Connection) -> None:
        """Do nothing: the other end calls again, or not."""

    def lost(self, connection: Connection, error: BackplaneError) -> None:
        """Forget a connection."""
        if connection in self._proven:
            del self._proven[connection]
            self._counts.links -= 1
            self._of[connection.peer] -= 1
            if not self._of[connection.peer]:
                del self._of[connection.peer]
        else:
            self._unproven.pop(connection, None)
        if isinstance(error, Unreachable):
            self._warn(error)

    def _served(self, link: OneCall, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        link.free()  # where the call is not over, that cuts it
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, LinkLost):
            logger.error("a call of process %s failed", link.peer, exc_info=error)

    def _respond(self, link: OneCall, payload: bytes) -> Coroutine[Any, Any, None] | None:
        if self._serve_request is None:
            raise LinkLost("this process does not respond to REQUEST")
        try:
            return self._serve_request(link, payload)
        except LinkLost:
            raise
        except Exception:
            logger.exception("a request of process %s failed", link.peer)
            raise LinkLost("a request failed") from None

    def _told(self, link: OneCall, payload: bytes) -> None:
        if self._tell is None:
            raise LinkLost("this process does not respond to ASK")
        try:
            reply = self._tell(payload)
        except Exception:
            logger.exception("what process %s asks could not be told", link.peer)
            raise LinkLost("the response to ASK failed") from None
        link.write(TELL, reply)
        link.free()

    def _look(self) -> bool:
        for connection in list(self._proven):
            connection.look()
        return bool(self._proven)

    def _warn(self, error: Unreachable) -> None:
        """Log why a connection was refused: strangers may try again and again."""
        now = asyncio.get_running_loop().time()
        is_news = now >= self._said + SAY_AGAIN
        if is_news:
            self._said = now
        logger.log(
            logging.WARNING if is_news else logging.DEBUG,
            "refused a link at this process' door: %s%s",
            error,
            "; is the secret the same in all processes?" if type(error) is NotProven else "",
        )
