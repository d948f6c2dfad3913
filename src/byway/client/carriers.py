"""What a client runs for its session: an attempt of each transport, or the carrier that came of it.

Knows: which run, what the session has said of them, and which is about to leave.
Must not know: which transport is better, what an outcome means.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from byway.client.running import Running
from byway.runtime import CarrierOpened, LiveCarrier, LiveSession
from byway.session.events import CarrierProven, Event
from byway.transports.base import stop
from byway.transports.reach import Stage


class Carriers:
    """The attempts and carriers of one client.

    Attributes:
        running: by transport.
        leaving: one that ends soon or is suspect, and carries until another is used.
    """

    def __init__(self, live: LiveSession, on_change: Callable[[], None]) -> None:
        """Start with none.

        Args:
            live: the session, whose events are taken from now on.
            on_change: called when something has happened that the driver has to look at.
        """
        self.running: dict[str, Running] = {}
        self.leaving: Running | None = None
        self._on_change = on_change
        self._live = live
        self._opened: list[LiveCarrier] = []  # since the last look
        self._proven: list[LiveCarrier] = []
        live.on_event = self._take_event

    def _take_event(self, event: Event | CarrierOpened) -> None:
        """Take what has happened, from within whatever has brought it about."""
        if isinstance(event, CarrierOpened):
            self._opened.append(event.carrier)
        elif isinstance(event, CarrierProven) and event.carrier.id in self._live.carriers:
            self._proven.append(self._live.carriers[event.carrier.id])
        self._on_change()

    def take_news(self) -> tuple[list[Running], list[Running]]:
        """Return those that have opened, and those that were proven, since the last call."""
        opened, self._opened = self._opened, []
        proven, self._proven = self._proven, []
        running = self.running.values()
        return (
            [one for one in running if one.carrier in opened],
            [one for one in running if one.carrier in proven],
        )

    @property
    def all(self) -> list[Running]:
        """Those that run, and the one that leaves."""
        return [*self.running.values(), *([self.leaving] if self.leaving else [])]

    @property
    def is_carried(self) -> bool:
        """Whether one of them has opened."""
        return any(one.opened for one in self.all)

    @property
    def progress(self) -> int:
        """What went through the session so far, either way."""
        return self._live.core.inbox.received + self._live.core.outbox.first

    def start(
        self,
        name: str,
        carrier: LiveCarrier,
        carrying: tuple[asyncio.Task[None], Stage],
        now: float,
    ) -> None:
        """Take note of an attempt that has begun."""
        task, stage = carrying
        task.add_done_callback(lambda _: self._on_change())
        self.running[name] = Running(name, carrier, task, now, self.progress, stage=stage)

    def ping(self, one: Running) -> None:
        """Ask for a round trip; it is told when it is over."""
        one.carrier.ping(secrets.token_bytes(8))

    def let_leave(self, one: Running, *, suspect: bool = False) -> None:
        """Let one carry on beside the next, until that is used."""
        del self.running[one.transport]
        self.leaving, one.suspect = one, suspect

    def keep_suspect(self) -> Running | None:
        """Take the suspect one for good again, and return what began beside it."""
        one = self.leaving
        assert one is not None
        beside = self.running.get(one.transport)
        self.leaving, one.suspect = None, False
        self.running[one.transport] = one
        self._proven = [carrier for carrier in self._proven if carrier is not one.carrier]
        return beside

    @property
    def has_answered(self) -> bool:
        """Whether the suspect one has answered, and so is alive."""
        one = self.leaving
        return one is not None and one.suspect and one.carrier.core.proven and not one.task.done()

    async def stop(self, *ones: Running, why: str) -> None:
        """Give some of them up."""
        for one in ones:
            if one is self.leaving:
                self.leaving = None
            elif self.running.get(one.transport) is one:
                del self.running[one.transport]
        try:
            await stop(*(one.task for one in ones))
        finally:
            for one in ones:
                one.carrier.end(why)
