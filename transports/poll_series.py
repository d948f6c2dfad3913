"""The client's half of long-polling: one poll after another, and the batches beside them.

Knows: how a poll is made, and given up where it holds up everything else; for how long it waits
for what an application may say to what has just come.
Must not know: which poll comes next, and what follows where one gets no response (`http/polls.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from byway.errors import CarrierLost
from byway.limits import MAX_PART
from byway.runtime import LiveCarrier
from byway.runtime.loop_turns import loop_turns
from byway.session import State
from byway.transports.batches import BatchSender
from byway.transports.http.polls import After, Ask, Polls, Visit
from byway.transports.response_form import BINARY
from byway.transports.uplink import carry_http, first_words

if TYPE_CHECKING:
    from byway.transports.dial import Dial

REPLY: Final = 3
"""Turns of the event loop in which an application may say something to what has come, so that it
goes up with the next poll. What misses them goes in a batch."""


class Series:
    """The polls of one carrier."""

    def __init__(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Prepare; `carry` starts."""
        self._dial = dial
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._patience: asyncio.Timeout | None = None  # with the poll that is held
        self._batches = BatchSender(dial, carrier, self._on_held_up)
        self._polls = Polls()

    async def carry(self) -> None:
        """Poll until the session is over.

        Raises:
            CarrierLost: see `carry_http`.
        """
        await carry_http(self._dial, self._carrier, self._read(), self._batches)

    async def _read(self) -> None:
        carrier, core, path = self._carrier, self._carrier.live.core, self._dial.turns
        visit = self._visit()
        try:
            while True:
                ask = self._polls.next(visiting=path.visits(self._loop.time()))
                if ask.renews:
                    carrier.resume()
                    await self._until(visit)
                    carrier.live.renew(carrier)
                speaks = not ask.is_held or await self._may_speak(visit)
                visit = self._visit()
                try:
                    await (self._hold if ask.is_held else self._ask)(ask, speaks)
                except CarrierLost as error:
                    after = self._polls.failed(error, is_open=carrier.opened.is_set())
                    if after is After.LOST:
                        raise
                    if after is After.REWIND and not error.other_form:
                        self._dial.observer.batch_failed(error)
                    self._go_back(after)
                    continue
                if core.state is State.CLOSED or core.finished:
                    # Nothing follows CLOSE. It is acknowledged in a batch: another poll would say
                    # so too, and be given up with the carrier before it has got through.
                    return
                if carrier.core.ended:
                    raise CarrierLost(carrier.core.ended)
        finally:
            carrier.resume()

    async def _may_speak(self, visit: Visit) -> bool:
        """Wait for what the application says to what has come; say if it goes up with the poll.

        Args:
            visit: how things were before the poll that has ended.
        """
        core, rules = self._carrier.live.core, self._batches.rules
        if core.inbox.received == visit.heard:
            return False
        await loop_turns(REPLY)
        # Behind batches it could only wait for those at the server.
        return self._polls.may_speak and not rules.flights and not rules.is_failing

    async def _ask(self, ask: Ask, speaks: bool) -> None:
        dial, carrier = self._dial, self._carrier
        hello = dial.hello(carrier, "poll", poll=ask.count)
        frames = b""
        if speaks:
            frames = first_words(carrier, min(MAX_PART, self._batches.rules.size))
            if frames:
                self._polls.speaks()
        carrier.resume()
        async with dial.request(hello, BINARY, frames) as response:
            came = await dial.frames(response)
            carrier.defer()
            dial.feed(carrier, came, response.headers)
        if self._polls.answered():
            carrier.prove()

    async def _hold(self, ask: Ask, speaks: bool) -> None:
        """Have a poll held, and give it up where it holds up everything else."""
        self._batches.beside.opened()
        try:
            async with asyncio.timeout(None) as self._patience:
                await self._ask(ask, speaks)
        except TimeoutError:
            self._go_back(self._polls.given_up())
            self._dial.turns.waited(self._loop.time())
        finally:
            self._patience = None
            self._batches.beside.closed()

    def _on_held_up(self) -> None:
        """Give up the poll that is held: a batch waits for its end."""
        if self._patience is not None:
            self._patience.reschedule(self._loop.time())

    def _go_back(self, after: After) -> None:
        carrier = self._carrier
        carrier.resume()
        if after is After.REWIND:
            carrier.live.core.rewind(carrier.core)
            carrier.live.dispatch()

    def _visit(self) -> Visit:
        core = self._carrier.live.core
        return Visit(self._loop.time(), core.outbox.first, core.inbox.received)

    async def _until(self, visit: Visit) -> None:
        """Wait until the next visit is due."""
        core, landed = self._carrier.live.core, self._batches.landed
        while (due := visit.next_at(core.outbox.first, core.inbox.received)) > self._loop.time():
            landed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await landed.wait()
