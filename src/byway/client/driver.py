"""The driver: keeps a client's session carried, from its opening to its end.

Knows: when to look again, when an opening is in vain, which carrier says the last words.
Must not know: which transport is better, what an outcome means, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from byway.client.steering import Steering
from byway.client.talk import Talk
from byway.errors import CarrierLost
from byway.handshake import Open
from byway.http_library import httpx
from byway.keys import name_of, new_key
from byway.negotiation import Memory, Preference
from byway.negotiation.absence import NOBODY
from byway.negotiation.race import LAST_DELAY
from byway.negotiation.report import Report
from byway.negotiation.retry import GiveUp
from byway.runtime import LiveCarrier, LiveSession
from byway.session import State
from byway.transports.base import stop
from byway.transports.dial import Dial

if TYPE_CHECKING:
    from byway.transports.plain import Plain

logger: logging.Logger = logging.getLogger("byway.client")


class Driver(Steering):
    """Opens carriers, uses the best that works and gives up the others, until the session is over.

    Attributes:
        opening: OPEN of the first carrier, once it came.
        headers: the headers that came with it.
    """

    def __init__(
        self,
        live: LiveSession,
        preference: Preference,
        make_dial: Callable[
            [
                Callable[[Open, LiveCarrier, httpx.Headers], None],
                Callable[[Plain], Awaitable[None]],
            ],
            Dial,
        ],
        *,
        open_timeout: float,
        on_transport: Callable[[str], None] | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Prepare; `open` starts it.

        Args:
            live: the session.
            preference: what may be tried, best first.
            make_dial: makes the dial, given what it calls when a carrier, or a plain WebSocket,
                has opened.
            open_timeout: seconds that all attempts together may take, and any later one.
            on_transport: called with the name of the transport in use, when it changes.
            memory: what worked in earlier sessions, and where to add to it; None for nothing.
        """
        self.opening: Open | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self._open_timeout = open_timeout
        self._deadline = asyncio.get_running_loop().time() + open_timeout
        self._talk = Talk()
        self._task: asyncio.Task[None] | None = None
        super().__init__(
            live,
            preference,
            make_dial(self._opened, self._plain_opened),
            open_timeout=open_timeout,
            on_transport=on_transport,
            memory=memory,
        )

    async def open(self) -> None:
        """Open the session over the first transport that gets through.

        Raises:
            Refused: the application refused the session.
            NoTransport: nothing got through in time.
        """
        name = f"byway client {self.live.name}"
        self._task = asyncio.create_task(self._keep_carried(), name=name)
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {self._task, ready},
                timeout=self._open_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not self._ready.is_set():
                if self._task.done():
                    self._task.result()
                now = asyncio.get_running_loop().time()
                for one in self._carriers.running.values():
                    self._note(one, now, f"no OPEN within {now - one.started:.1f} s")
                self._path.forget()
                raise self.record.no_transport(self.record.retries.late())
        except BaseException:
            await self.aclose()
            raise
        finally:
            ready.cancel()

    async def finish(self, timeout: float) -> None:
        """Wait until the session is over and its last words are said, then let go.

        Args:
            timeout: seconds to wait at most.
        """
        try:
            if self._task is not None:
                await asyncio.wait({self._task}, timeout=timeout)
        finally:
            self.live.abort(1006, "the close was not acknowledged in time")
            await self.aclose()

    async def aclose(self) -> None:
        """Let go of everything at once."""
        try:
            if self._task is not None:
                await stop(self._task)
        finally:
            await self._dial.aclose()

    def _opened(self, opening: Open, carrier: LiveCarrier, headers: httpx.Headers) -> None:
        self._path.reached(self._dial.peers)
        if self.opening is None:
            self.opening, self.headers = opening, headers
            self._race.offered(opening.transports)
        self._changed.set()

    async def _plain_opened(self, plain: Plain) -> None:
        if self.opening is not None:
            raise CarrierLost("a server without byway responded")
        self.plain: Plain | None = plain
        self.record.attempt_log.carried("websocket")
        self._ready.set()
        self._changed.set()
        await plain.socket.wait_closed()

    async def _keep_carried(self) -> None:
        try:
            await self._drive()
        except Exception as error:
            if not self._ready.is_set():
                raise
            logger.exception("session %s: the client failed", self.live.name)
            self.live.abort(1006, f"the client failed: {error}")
        finally:
            await self._carriers.stop(*self._carriers.all, why="over")

    async def _drive(self) -> None:
        """Do what the race decides, each time that something has happened.

        Raises:
            Refused: the application refused the session.
            NoTransport: all were tried and none opened. Once one has, it goes on without end.
        """
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            now = loop.time()
            await self._look_around(now)
            await self._clear(now)
            self._take_in(now)
            if self._carriers.is_carried:
                self.record.absence.over()
            elif self._ready.is_set() and self.record.absence.is_certain(self.live.window):
                self.live.let_go(NOBODY)
            self._talk.look(self.live.core, self._race.pace, now)
            if self.plain is not None or self.live.core.finished:
                break
            if self._race.exhausted:
                if not self._ready.is_set():
                    decision = self.record.retries.first_round(now, self._deadline)
                    if isinstance(decision, GiveUp):
                        self._path.forget()
                        raise self.record.no_transport(decision)
                    after, self._again = decision.after, True
                    if decision.other_key and self.opening is None:
                        self._dial.key = key = new_key()
                        self.live.name = name_of(key)
                else:
                    after = self.record.retries.later_round(now, LAST_DELAY)
                if self.live.core.state is State.CLOSED and self._carriers.leaving is None:
                    # All that is left to say is the acknowledgement by which the server forgets
                    # the session before its window is over; it may well have stopped.
                    self.live.let_go("both sides have closed")
                    continue
                self._race.next_round(now, after)
                self._dial.names.forget()
            actions, again = self._race.decide(now)
            for action in actions:
                await self._act(action, now)
            self._remember(now)
            try:
                async with asyncio.timeout_at(min(again or self._look_at, self._look_at)):
                    await self._changed.wait()
            except TimeoutError:
                pass
        self._remember(loop.time())
        # The carrier in use says the last words, and ends by itself.
        used = self._carriers.running.get("websocket" if self.plain else self._race.used or "")
        if self._race.leaving is not None:
            used = self._carriers.leaving
        others = (one for one in self._carriers.all if one is not used)
        await self._carriers.stop(*others, why="over")
        if used is not None:
            await asyncio.wait({used.task})

    def report(self) -> Report:
        """Say what the attempts of this session have seen."""
        in_use = None if self.live.core.finished else self.live.transport
        if self.plain is not None:
            in_use = "websocket" if self.plain.socket.close_code is None else None
        return self.record.attempt_log.report(
            self._dial.url,
            self._dial.proxy,
            in_use=in_use,
            opening=self.opening,
            plain=self.plain is not None,
            text_only=self._dial.form.text_only,
        )
