"""The client's half of long-polling: one poll after another, and the batches beside them.

Knows: how a poll is made, and given up where it holds up everything else.
Must not know: which poll comes next, and what follows where one is not answered (`http/polls.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from byway.errors import CarrierLost
from byway.runtime import LiveCarrier
from byway.session import State
from byway.transports.base import stop
from byway.transports.batches import BatchSender
from byway.transports.form import BINARY
from byway.transports.http.polls import After, Ask, Polls, Visit
from byway.transports.uplink import carry_http, first_words

if TYPE_CHECKING:
    from byway.transports.dial import Dial


class Series:
    """The polls of one carrier."""

    def __init__(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Prepare; `carry` starts."""
        self._dial = dial
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._is_held_up = asyncio.Event()  # a batch waits for the end of the poll that is held
        self._batches = BatchSender(dial, carrier, self._is_held_up.set)
        self._polls = Polls()

    async def carry(self) -> None:
        """Poll until the session is over.

        Raises:
            CarrierLost: see `carry_http`.
        """
        await carry_http(self._dial, self._carrier, self._read(), self._batches)

    async def _read(self) -> None:
        carrier, core, turns = self._carrier, self._carrier.live.core, self._dial.turns
        visit = self._visit()
        while True:
            ask = self._polls.next(visiting=turns.visits(self._loop.time()))
            if ask.renews:
                await self._until(visit)
                carrier.live.renew(carrier)
            visit = self._visit()
            try:
                await (self._hold(ask) if ask.is_held else self._ask(ask))
            except CarrierLost as error:
                after = self._polls.failed(error, is_open=carrier.opened.is_set())
                if after is After.LOST:
                    raise
                if after is After.REWIND:
                    core.rewind(carrier.core)
                continue
            if core.state is State.CLOSED or core.finished:
                # Nothing follows CLOSE. It is acknowledged in a batch: another poll would say so
                # too, and be given up with the carrier before it has got through.
                return
            if carrier.core.ended:
                raise CarrierLost(carrier.core.ended)

    async def _ask(self, ask: Ask) -> None:
        dial, carrier = self._dial, self._carrier
        hello = dial.hello(carrier, "poll", poll=ask.count)
        frames = b"" if ask.is_held else first_words(carrier)
        async with dial.request(hello, BINARY, frames) as response:
            came = await dial.frames(response)
            dial.feed(carrier, came, response.headers)
        if self._polls.answered():
            carrier.prove()

    async def _hold(self, ask: Ask) -> None:
        """Have a poll held, and give it up where it holds up everything else."""
        self._is_held_up.clear()
        self._batches.beside.opened()
        asking = self._loop.create_task(self._ask(ask))
        waiting = self._loop.create_task(self._is_held_up.wait())
        try:
            await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()
            else:
                self._polls.given_up()
                self._dial.turns.waited(self._loop.time())
        finally:
            self._batches.beside.closed()
            await stop(asking, waiting)

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
