"""Draining: how an endpoint goes away without a client that does not know where to turn.

Knows: the sessions, those of other processes that came over this one, and what says that the
    server stops.
Must not know: requests, transports.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import uniform

from byway.limits import ServerLimits
from byway.retry_hint import going_away
from byway.server.application import Application
from byway.server.listening_sockets import StopWatch
from byway.server.registry import Registry
from byway.server.sharing import Sharing
from byway.server.signals import SignalWatch
from byway.server.watching import serves_here
from byway.transports.base import Event, Receive, Scope, Send

logger: logging.Logger = logging.getLogger("byway.server")


class Draining:
    """What one endpoint does when its server stops."""

    def __init__(self, registry: Registry, sharing: Sharing, limits: ServerLimits) -> None:
        """Stay.

        Args:
            registry: the sessions.
            sharing: what it shares with other processes.
            limits: bounds.
        """
        self._registry = registry
        self._sharing = sharing
        self._limits = limits
        self._watch: SignalWatch | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled = False
        self._stops = StopWatch(self._begin_drain)
        self._draining: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def listens(self) -> bool:
        """Whether it hears what stops the server, and did so when a first request came."""
        # It is asked for each call: here are `_is_over` and `_is_left` in one.
        loop, draining = self._loop, self._draining
        if not self._settled or loop is None:
            return False
        if loop is not asyncio.get_running_loop() and not loop.is_running():
            return False
        return draining is None or self._stopping is not None or not draining.done()

    @property
    def _is_over(self) -> bool:
        """Whether a server of this process has stopped, though nobody told the process to."""
        return self._draining is not None and self._draining.done() and self._stopping is None

    @property
    def _is_left(self) -> bool:
        """Whether the event loop has ended in which it was served before."""
        loop = self._loop
        return loop is not None and loop is not asyncio.get_running_loop() and not loop.is_running()

    def begin(self) -> None:
        """Begin anew: a test suite may serve one application again and again."""
        self._registry.draining = False
        self._draining = self._stopping = None
        self._stops.stop()
        self._hear()

    def listen(self, scope: Scope) -> None:
        """Hear what stops the server, now that it serves.

        A framework that this is mounted in may keep the lifespan to itself; and some servers
        install their handlers after the lifespan has started, as anycorn does. Where no lifespan
        says so, a call in another event loop, or on another listening socket, shows that another
        server has begun.
        """
        server = scope.get("server")
        if self._watch is None or self._is_left:
            self.begin()
        elif self._is_over:
            if not self._stops.sees_another(server):
                return  # a connection of the server that stops
            self.begin()
        else:
            self._watch.install()
        self._stops.start(server)
        self._settled = True

    def _hear(self) -> None:
        self._settled = False
        self._loop = asyncio.get_running_loop()
        serves_here(self)
        if self._watch is not None:
            self._watch.remove()
        self._watch = SignalWatch(self._loop, self._signalled)
        self._watch.install()

    async def lifespan(
        self, app: Application, scope: Scope, first: Event, receive: Receive, send: Send
    ) -> None:
        """Pass the lifespan through, and drain before its end.

        Args:
            app: the application.
            scope: of the lifespan.
            first: the event that has come.
            receive: of the lifespan.
            send: of the lifespan.
        """
        came: list[Event] = [first]

        async def watching_receive() -> Event:
            event = came.pop() if came else await receive()
            if event["type"] == "lifespan.shutdown":
                if self._watch is not None:
                    self._watch.remove()
                self._stops.stop()
                await self.drain()  # the application's own shutdown comes after its handlers
            return event

        await app(scope, watching_receive, send)

    async def drain(self) -> None:
        """See `FallbackMiddleware.drain`."""
        limits, registry, relay = self._limits, self._registry, self._sharing.relay
        registry.draining = True
        hosted = registry.sessions
        if hosted:
            logger.info("the server is stopping: closing %d sessions with code 1012", len(hosted))
        relay.send_away()
        for one in hosted:
            # Not all at the same moment: whoever takes over would not bear it.
            one.live.close(1012, going_away(uniform(0, limits.drain_spread)))
            # A client that was told, and leaves, may find no way any more to acknowledge it,
            # unless another process leads here.
            one.live.window = limits.drain_timeout if self._sharing.active else 0.0
            if not one.live.core.peer.closes and not one.live.carriers:
                one.live.let_go("no reader is there")
        # Who is not there now cannot be told, unless another process leads here.
        waits = [
            asyncio.ensure_future(one.live.finished.wait())
            for one in hosted
            if one.live.carriers or self._sharing.active
        ]
        if waits:
            _, late = await asyncio.wait(waits, timeout=limits.drain_timeout)
            for wait in late:
                wait.cancel()
        for one in hosted:
            one.live.abort(1012, "the server has stopped")
        await registry.wait_for_handlers()
        # Who came over this process meanwhile has to go, too. The door stays open until then.
        relay.send_away(last=True)
        await relay.until_none(limits.drain_timeout)
        await self._sharing.leave()

    def _signalled(self, let_stop: Callable[[], None]) -> None:
        self._stopping = asyncio.ensure_future(self._stop(let_stop))

    def _begin_drain(self) -> asyncio.Task[None]:
        self._stops.stop()
        if self._draining is None:
            self._draining = asyncio.ensure_future(self.drain())
        return self._draining

    async def finish(self) -> None:
        """Drain, and return when the clients know: whoever polls just then has to reach it."""
        limits = self._limits
        draining = self._begin_drain()
        timeout = limits.drain_timeout
        if self._sharing.relayed:
            # No call of this server waits for the handlers of sessions that came over others.
            timeout += 2 * limits.handler_timeout
        await asyncio.wait({draining}, timeout=timeout)
        self._sharing.relay.send_away(last=True)

    async def _stop(self, let_stop: Callable[[], None]) -> None:
        """Let the server stop when the clients know."""
        await self.finish()
        let_stop()
