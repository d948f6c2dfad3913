"""Steering: does what the race decides, and tells it what has happened.

Knows: how attempts are started and stopped, what each outcome means for the session, what is worth
remembering of it.
Must not know: which transport is better, how one carries frames, when anything is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from byway.client.carriers import Carriers
from byway.client.network_path import NetworkPath
from byway.client.record import Record
from byway.client.running import Running
from byway.errors import CarrierLost, Refused
from byway.negotiation import Memory, Preference, Race, Start, Use
from byway.negotiation.runner import Action, Ask
from byway.runtime import LiveSession
from byway.transports import REGISTRY
from byway.transports.dial import Dial
from byway.transports.http.turns import Turns
from byway.transports.reach import watched
from byway.transports.uplink import ONE_AT_A_TIME

if TYPE_CHECKING:
    from byway.transports.plain import Plain

logger: logging.Logger = logging.getLogger("byway.client")

ROUTE_INTERVAL: Final = 1.0
"""Seconds between two looks whether the way to the server is another one now."""


class Steering:
    """Starts, uses, asks and stops what the race says, and tells it what became of that.

    Attributes:
        live: the session.
        record: what was tried in vain.
        plain: the WebSocket of a server that does not speak byway, if one answered.
        retry_after: seconds that the server wants to have passed before another session, where it
            has said so of this one, which is gone.
    """

    def __init__(
        self,
        live: LiveSession,
        preference: Preference,
        dial: Dial,
        *,
        open_timeout: float,
        on_transport: Callable[[str], None] | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Prepare; see `Driver`."""
        self.live = live
        self.plain: Plain | None = None
        self.retry_after: float | None = None
        self._again = False  # the first round was in vain
        self._on_transport = on_transport
        self._dial = dial
        self.record: Record = Record(preference.order, proxy=dial.proxy is not None)
        self._path = NetworkPath(dial.url, dial.proxy, memory, preference.order)
        known = self._path.remembered
        self._race = Race(
            preference,
            attempt_timeout=open_timeout,
            first=known.transport if known else None,
            opened_in=known.seconds if known else 0.0,
            retry_better=self._path.retry,
        )
        dial.turns.may_visit = "poll" in preference.order
        if self._path.visits:
            dial.turns.waited(asyncio.get_running_loop().time())
        if self._path.silence.heartbeat is not None:
            live.ask_heartbeat(self._path.silence.heartbeat)
        self._look_at = asyncio.get_running_loop().time() + ROUTE_INTERVAL
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._carriers = Carriers(live, self._changed.set)

    async def _act(self, action: Action, now: float) -> None:
        name = action.transport
        if isinstance(action, Start):
            transport = REGISTRY[name]
            carrier = self.live.attach(
                self.live.last_id + 1, name, ordered=transport.ordered, batched=transport.batched
            )
            self._carriers.start(name, carrier, watched(transport.carry(self._dial, carrier)), now)
        elif isinstance(action, Use):
            logger.info("session %s: now using %s: %s", self.live.name, name, action.why)
            self.record.attempt_log.carried(name)
            before = self._carriers.leaving
            if before is not None and self.live.core.selected is not before.carrier.core:
                before = None  # another carrier has taken its place already
            self._carriers.running[name].carrier.select()
            if not self._ready.is_set() and self._again:
                self._race.reconsider(now)  # what failed in an earlier round may work
            self._ready.set()
            if before is not None and before.suspect:
                # Its connection may be dead, so it is not waited for.
                before.carrier.end("another carrier was proven first")
                before.task.cancel()
            elif before is not None:
                # The server ends it when it hears of the choice; what is on its way down is read.
                before.carrier.end_after(self._dial.patience, "another carrier has taken its place")
            self._changed.set()  # it may have said already that it is leaving
            same = before is not None and before.transport == name
            if self._on_transport is not None and not same:
                try:
                    self._on_transport(name)
                except (Exception, asyncio.CancelledError):  # it was not this task's cancelling
                    logger.exception("session %s: on_transport failed", self.live.name)
        elif isinstance(action, Ask):
            if name in self._carriers.running:
                self._carriers.ping(self._carriers.running[name])
        else:
            one = self._carriers.running.get(name)
            if one is not None:
                if action.slow:
                    self.record.attempt_log.slow(name, action.why)
                elif action.late or not self._ready.is_set():
                    self._note(one, now, action.why)
                else:
                    logger.info("session %s: %s: %s", self.live.name, name, action.why)
                await self._carriers.stop(one, why=action.why)

    async def _look_around(self, now: float) -> None:
        """Doubt everything when the machine has come into another network.

        The connections of the network before are often not closed but silent for ever. So the
        carrier in use is asked for a response, and others are opened beside it.
        """
        if now < self._look_at:
            return
        self._look_at = now + ROUTE_INTERVAL
        if not self._path.moved():
            return
        logger.info(
            "session %s: the network has changed: trying all transports again", self.live.name
        )
        await self._dial.renew()
        if (used := self._carriers.running.get(self._race.used or "")) is not None:
            if self._carriers.leaving is not None:
                await self._carriers.stop(
                    self._carriers.leaving, why="another carrier has taken its place"
                )
            self._carriers.let_leave(used, suspect=True)
        self._dial.turns = Turns(self._dial.turns.may_visit)
        self.record.absence.over()
        self._race.doubt(now)
        if self._carriers.leaving is not None:
            self._carriers.ping(self._carriers.leaving)

    async def _clear(self, now: float) -> None:
        """Use a suspect carrier again once it has answered, and give up what began beside it."""
        if not self._carriers.has_answered:
            return
        if (beside := self._carriers.keep_suspect()) is not None:
            await self._carriers.stop(beside, why="the carrier in use is alive")
        self._race.cleared(now)

    def _remember(self, now: float) -> None:
        used = self._carriers.running.get(self._race.used or "")
        if used is not None and self._race.works:
            self._path.keep(
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
        opened, proven = self._carriers.take_news()
        for one in opened:
            one.opened_in = now - one.started
            self._race.opened(one.transport, now)
            self._carriers.ping(one)
        for one in proven:
            if one.carrier.core.proven:  # it has not been asked again since
                self._race.proven(one.transport, now)
        for one in list(self._carriers.running.values()):
            if one.task.done():
                del self._carriers.running[one.transport]
                one.carrier.end("lost")
                self._take_end(one, now)
        leaving = self._carriers.leaving
        if leaving is not None and leaving.task.done():
            self._carriers.leaving = None
            self._let_leave(leaving, now)
        used = self._carriers.running.get(self._race.used or "")
        if used is None or not used.carrier.core.leaving:
            return
        if self._carriers.leaving is not None:
            # The server has not ended the one before yet; this one's turn comes when it has gone.
            self._carriers.leaving.carrier.end("another carrier is leaving too")
        else:
            logger.info("session %s: %s ends soon", self.live.name, used.transport)
            self._carriers.let_leave(used)
            self._race.leave(now)

    def _let_leave(self, one: Running, now: float) -> None:
        """Take the end that was announced: it is no failure, whatever it looks like."""
        if not one.task.cancelled():
            one.task.exception()  # asyncio complains of what nobody looks at
        one.carrier.end("it has ended as announced")
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
        announced = one.carrier.core.leaving and self._ready.is_set()
        if not announced:
            self._note(one, now, str(error or "it ended"), error)
        if not self._ready.is_set():
            if isinstance(error, Refused):
                error.attempts = tuple(self.record.attempts)
                raise error
        elif not self._carriers.is_carried and self._dial.elsewhere.is_gone(error, now):
            self.retry_after = error.retry_after if isinstance(error, CarrierLost) else None
            self.live.let_go(str(error))
        confined = isinstance(error, CarrierLost) and error.trouble == ONE_AT_A_TIME
        served = one.opened and (
            now - one.started >= self._dial.heartbeat or self._carriers.progress > one.progress
        )
        blameless = announced or (
            error is not None and one.opened and not confined and self._cut_for_silence(one, now)
        )
        self._race.ended(one.transport, now, served=served, blameless=blameless)

    def _cut_for_silence(self, one: Running, now: float) -> bool:
        """Learn the heartbeat that this path needs; say whether a carrier ended for want of it."""
        beat = self._path.learn(now - one.carrier.moved, self._dial.heartbeat, self.live.name)
        if beat is not None:
            self.live.ask_heartbeat(beat)
        return beat is not None

    def _note(
        self, one: Running, now: float, why: str, error: Refused | CarrierLost | None = None
    ) -> None:
        opening = not self._ready.is_set()
        self.record.note(one, now, why, error, session=self.live.name, opening=opening)
