"""The driver: keeps a client's session carried, as the race decides.

Knows: how attempts are started and stopped, what each outcome means for the session,
what is worth remembering of it.
Must not know: which transport is better, how one carries frames, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import httpx

from byway.client.place import Place
from byway.client.running import Running
from byway.client.talk import Talk
from byway.client.trail import Trail
from byway.errors import Attempt, CarrierLost, NoTransport, Refused
from byway.handshake import Open, name_of, new_key
from byway.negotiation import Memory, Preference, Race, Start, Use
from byway.negotiation.absence import NOBODY, Absence
from byway.negotiation.race import LAST_DELAY
from byway.negotiation.report import Report
from byway.negotiation.retry import GiveUp, Retries
from byway.negotiation.runner import Action, Ask
from byway.runtime import Attachment, CarrierOpened, LiveSession
from byway.session import State
from byway.session.events import CarrierProven, Event
from byway.transports import REGISTRY
from byway.transports.base import stop
from byway.transports.dial import Dial
from byway.transports.reach import watched
from byway.transports.turns import Turns
from byway.transports.uplink import ONE_AT_A_TIME

if TYPE_CHECKING:
    from byway.transports.plain import Plain

logger: logging.Logger = logging.getLogger("byway.client")


MAX_ATTEMPTS: Final = 48
"""Attempts in vain that are kept of an opening, the newest: a dozen rounds."""

ROUTE_INTERVAL: Final = 1.0
"""Seconds between two looks whether the way to the server is another one now."""


class Driver:
    """Opens carriers, uses the best that works and gives up the others, until the session is over.

    Attributes:
        live: the session.
        attempts: what was tried in vain until the session opened, in order: the newest.
        trail: what was tried in vain, then and later.
        opening: OPEN of the first carrier, once it came.
        headers: the headers that came with it.
        plain: the WebSocket of a server that does not speak byway, if one answered.
        retry_after: seconds that the server wants to have passed before another session, where it
            has said so of this one, which is gone.
    """

    def __init__(
        self,
        live: LiveSession,
        preference: Preference,
        make_dial: Callable[
            [
                Callable[[Open, Attachment, httpx.Headers], None],
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
        self.live = live
        self.attempts: list[Attempt] = []
        self.trail: Trail = Trail(preference.order)
        self.opening: Open | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self.plain: Plain | None = None
        self.retry_after: float | None = None
        self._open_timeout = open_timeout
        self._deadline = asyncio.get_running_loop().time() + open_timeout
        self._retries = Retries()
        self._again = False  # the first round was in vain
        self._on_transport = on_transport
        self._dial = make_dial(self._opened, self._plain_opened)
        self._place = Place(self._dial.url, self._dial.proxy, memory, preference.order)
        known = self._place.remembered
        self._race = Race(
            preference,
            attempt_timeout=open_timeout,
            first=known.transport if known else None,
            opened_in=known.seconds if known else 0.0,
            retry_better=self._place.retry,
        )
        self._dial.turns.may_visit = "poll" in preference.order
        if self._place.visits:
            self._dial.turns.waited(asyncio.get_running_loop().time())
        if self._place.silence.heartbeat is not None:
            live.ask_heartbeat(self._place.silence.heartbeat)
        self._look_at = asyncio.get_running_loop().time() + ROUTE_INTERVAL
        self._running: dict[str, Running] = {}
        self._talk = Talk()
        self._absence = Absence()
        # It ends soon or is suspect, and carries until another is used.
        self._leaving: Running | None = None
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opened_links: list[Attachment] = []  # since the last look
        self._proven_links: list[Attachment] = []
        live.on_event = self._take_event

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
                for one in self._running.values():
                    self._note(one, now, f"no OPEN within {now - one.started:.1f} s")
                self._place.forget()
                raise self._no_transport(self._retries.late())
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

    def _take_event(self, event: Event | CarrierOpened) -> None:
        """Take what has happened to the session, from within whatever has brought it about."""
        if isinstance(event, CarrierOpened):
            self._opened_links.append(event.link)
        elif isinstance(event, CarrierProven) and event.carrier.id in self.live.attachments:
            self._proven_links.append(self.live.attachments[event.carrier.id])
        self._changed.set()

    def _opened(self, opening: Open, link: Attachment, headers: httpx.Headers) -> None:
        self._place.reached(self._dial.peers)
        if self.opening is None:
            self.opening, self.headers = opening, headers
            self._race.offered(opening.transports)
        self._changed.set()

    async def _plain_opened(self, plain: Plain) -> None:
        if self.opening is not None:
            raise CarrierLost("a server without byway answered")
        self.plain = plain
        self.trail.carried("websocket")
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
            await self._stop(*self._all, why="over")

    @property
    def _all(self) -> list[Running]:
        return [*self._running.values(), *([self._leaving] if self._leaving else [])]

    @property
    def _is_carried(self) -> bool:
        return any(one.opened for one in self._all)

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
            if self._is_carried:
                self._absence.over()
            elif self._ready.is_set() and self._absence.is_certain(self.live.window):
                self.live.let_go(NOBODY)
            self._talk.look(self.live.core, self._race.pace, now)
            if self.plain is not None or self.live.core.finished:
                break
            if self._race.exhausted:
                if not self._ready.is_set():
                    decision = self._retries.first_round(now, self._deadline)
                    if isinstance(decision, GiveUp):
                        self._place.forget()
                        raise self._no_transport(decision)
                    after, self._again = decision.after, True
                    if decision.other_key and self.opening is None:
                        self._dial.key = key = new_key()
                        self.live.name = name_of(key)
                else:
                    after = self._retries.later_round(now, LAST_DELAY)
                if self.live.core.state is State.CLOSED and self._leaving is None:
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
        used = self._running.get("websocket" if self.plain else self._race.used or "")
        if self._race.leaving is not None:
            used = self._leaving
        await self._stop(*(one for one in self._all if one is not used), why="over")
        if used is not None:
            await asyncio.wait({used.task})

    def _no_transport(self, end: GiveUp) -> NoTransport:
        return NoTransport(self.attempts, end.why, retry_after=end.retry_after)

    async def _act(self, action: Action, now: float) -> None:
        name = action.transport
        if isinstance(action, Start):
            transport = REGISTRY[name]
            link = self.live.attach(
                self.live.last_id + 1, name, ordered=transport.ordered, batched=transport.batched
            )
            task, stage = watched(transport.carry(self._dial, link))
            task.add_done_callback(lambda _: self._changed.set())
            self._running[name] = Running(name, link, task, now, self._progress(), stage=stage)
        elif isinstance(action, Use):
            logger.info("session %s: now over %s: %s", self.live.name, name, action.why)
            self.trail.carried(name)
            before = self._leaving
            if before is not None and self.live.core.selected is not before.link.carrier:
                before = None  # another has followed it already
            self._running[name].link.select()
            if not self._ready.is_set() and self._again:
                self._race.reconsider(now)  # what failed in an earlier round may work
            self._ready.set()
            if before is not None and before.suspect:
                # Its connection may be dead, so it is not waited for.
                before.link.end("another has proven itself first")
                before.task.cancel()
            elif before is not None:
                # The server ends it when it hears of the choice; what is on its way down is read.
                before.link.end_after(self._dial.patience, "another has followed it")
            self._changed.set()  # it may have said already that it is leaving
            same = before is not None and before.transport == name
            if self._on_transport is not None and not same:
                try:
                    self._on_transport(name)
                except (Exception, asyncio.CancelledError):  # it was not this task's cancelling
                    logger.exception("session %s: on_transport failed", self.live.name)
        elif isinstance(action, Ask):
            if name in self._running:
                self._ping(self._running[name])
        else:
            one = self._running.get(name)
            if one is not None:
                if action.slow:
                    self.trail.slow(name, action.why)
                elif action.late or not self._ready.is_set():
                    self._note(one, now, action.why)
                else:
                    logger.info("session %s: %s: %s", self.live.name, name, action.why)
                await self._stop(one, why=action.why)

    async def _stop(self, *ones: Running, why: str) -> None:
        for one in ones:
            if one is self._leaving:
                self._leaving = None
            else:
                self._running.pop(one.transport, None)
        try:
            await stop(*(one.task for one in ones))
        finally:
            for one in ones:
                one.link.end(why)

    async def _look_around(self, now: float) -> None:
        """Doubt everything when the machine has come into another network.

        The connections of the network before are often not closed but silent for ever. So the
        carrier in use is asked for an answer, and others are opened beside it.
        """
        if now < self._look_at:
            return
        self._look_at = now + ROUTE_INTERVAL
        if not self._place.moved():
            return
        logger.info("session %s: another network: everything is tried again", self.live.name)
        await self._dial.renew()
        used = self._running.pop(self._race.used or "", None)
        if used is not None:
            if self._leaving is not None:
                await self._stop(self._leaving, why="another has followed it")
            self._leaving, used.suspect = used, True
        self._dial.turns = Turns(self._dial.turns.may_visit)
        self._absence.over()
        self._race.doubt(now)
        if self._leaving is not None:
            self._ping(self._leaving)

    def _ping(self, one: Running) -> None:
        """Ask for a round trip; the race is told when it is over."""
        one.link.ping(secrets.token_bytes(8))

    async def _clear(self, now: float) -> None:
        """Use a suspect carrier again once it has answered, and give up what began beside it."""
        one = self._leaving
        if one is None or not one.suspect or not one.link.carrier.proven or one.task.done():
            return
        beside = self._running.get(one.transport)
        if beside is not None:
            await self._stop(beside, why="the carrier before it is alive")
        self._leaving, one.suspect = None, False
        self._running[one.transport] = one
        self._proven_links = [link for link in self._proven_links if link is not one.link]
        self._race.cleared(now)

    def _remember(self, now: float) -> None:
        used = self._running.get(self._race.used or "")
        if used is not None and self._race.works:
            self._place.keep(
                used.transport,
                used.opened_in,
                settled=self._race.settled,
                age=now - used.started,
                visits=self._dial.turns.alone,
            )

    def _take_in(self, now: float) -> None:
        """Tell the race what has happened to the attempts.

        Raises:
            Refused: the application refused the session.
        """
        opened, self._opened_links = self._opened_links, []
        proven, self._proven_links = self._proven_links, []
        for one in self._running.values():
            if one.link in opened:
                one.opened_in = now - one.started
                self._race.opened(one.transport, now)
                self._ping(one)
            if one.link in proven and one.link.carrier.proven:  # not asked again since
                self._race.proven(one.transport, now)
        for one in list(self._running.values()):
            if one.task.done():
                del self._running[one.transport]
                one.link.end("lost")
                self._take_end(one, now)
        leaving = self._leaving
        if leaving is not None and leaving.task.done():
            self._leaving = None
            self._let_leave(leaving, now)
        used = self._running.get(self._race.used or "")
        if used is None or not used.link.carrier.leaving:
            return
        if self._leaving is not None:
            # The server has not ended the one before yet; this one's turn comes when it has gone.
            self._leaving.link.end("another is leaving too")
        else:
            logger.info("session %s: %s ends soon", self.live.name, used.transport)
            self._leaving = self._running.pop(used.transport)
            self._race.leave(now)

    def _let_leave(self, one: Running, now: float) -> None:
        """Take the end that was announced: it is no failure, whatever it looks like."""
        if not one.task.cancelled():
            one.task.exception()  # asyncio complains of what nobody looks at
        one.link.end("it has left")
        self._race.left(now)

    def _take_end(self, one: Running, now: float) -> None:
        try:
            one.task.result()
            error: Refused | CarrierLost | None = None
        except (Refused, CarrierLost) as raised:
            error = raised
        except Exception as raised:
            # Whatever one attempt stumbles over, the session goes on with the others.
            logger.exception("session %s: %s failed", self.live.name, one.transport)
            error = CarrierLost(f"{type(raised).__name__}: {raised}")
        if self.live.core.finished or self.plain is not None:
            return
        # Its end may come together with the announcement, after a sleep for instance.
        announced = one.link.carrier.leaving and self._ready.is_set()
        if not announced:
            self._note(one, now, str(error or "it ended"), error)
        if not self._ready.is_set():
            if isinstance(error, Refused):
                error.attempts = tuple(self.attempts)
                raise error
        elif not self._is_carried and self._dial.elsewhere.is_gone(error, now):
            self.retry_after = error.retry_after if isinstance(error, CarrierLost) else None
            self.live.let_go(str(error))
        confined = isinstance(error, CarrierLost) and error.trouble == ONE_AT_A_TIME
        served = one.opened and (
            now - one.started >= self._dial.heartbeat or self._progress() > one.progress
        )
        blameless = announced or (
            error is not None and one.opened and not confined and self._cut_for_silence(one, now)
        )
        self._race.ended(one.transport, now, served=served, blameless=blameless)

    def _cut_for_silence(self, one: Running, now: float) -> bool:
        """Learn the heartbeat that this path needs; say whether a carrier ended for want of it."""
        beat = self._place.learn(now - one.link.moved, self._dial.heartbeat, self.live.name)
        if beat is not None:
            self.live.ask_heartbeat(beat)
        return beat is not None

    def _progress(self) -> int:
        """Count what went through, either way."""
        return self.live.core.inbox.received + self.live.core.outbox.first

    def _note(
        self, one: Running, now: float, why: str, error: Refused | CarrierLost | None = None
    ) -> None:
        attempt = one.attempt(now, why, error)
        self.trail.add(attempt)
        self._retries.note(attempt, now, time.time())
        if self._dial.proxy is None:  # one that is away says nothing of the server
            self._absence.note(attempt, now)
        if not self._ready.is_set():  # later ones come again and again
            self.attempts = [*self.attempts[1 - MAX_ATTEMPTS :], attempt]
        logger.info("session %s: %s failed: %s", self.live.name, one.transport, why)

    def report(self) -> Report:
        """Say what the attempts of this session have seen."""
        in_use = None if self.live.core.finished else self.live.transport
        if self.plain is not None:
            in_use = "websocket" if self.plain.socket.close_code is None else None
        return self.trail.report(
            self._dial.url,
            self._dial.proxy,
            in_use=in_use,
            opening=self.opening,
            plain=self.plain is not None,
            text_only=self._dial.form.text_only,
        )
