"""Batches: the uplink of every HTTP transport, frames in requests of their own.

Knows: how a batch is made into a request, and how to wait for responses and for frames.
Must not know: how frames come down; when a batch may leave and what its response means
(`http/batches.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from byway.errors import ELSEWHERE, CarrierLost
from byway.runtime import LiveCarrier
from byway.session import joined
from byway.transports.base import stop
from byway.transports.beside import OpenResponse, Waiting
from byway.transports.http.batches import Abort, Batches, Dead, Decision, Flight

if TYPE_CHECKING:
    from byway.transports.dial import Dial

logger: logging.Logger = logging.getLogger("byway.transports.batches")


class BatchSender:
    """Brings up what a session has to say, batch by batch, as `Batches` decides.

    Attributes:
        rules: decides.
        busy: set once there was so much to say that an upload is worth its connection.
        landed: set when a batch is back.
        beside: the response that is open beside them.
    """

    def __init__(
        self, dial: Dial, carrier: LiveCarrier, on_wait: Callable[[], None] | None = None
    ) -> None:
        """Prepare; `send` starts.

        Args:
            dial: how to reach the server.
            carrier: the carrier.
            on_wait: called when a batch has waited for too long beside one open response, which
                therefore may be what it waits for.
        """
        self._dial = dial
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self.rules: Batches = Batches(carrier.live.batch)
        self.busy: asyncio.Event = asyncio.Event()
        self.landed: asyncio.Event = asyncio.Event()
        is_endless = carrier.core.intake.ordered
        self.beside: OpenResponse = OpenResponse(dial, on_wait, endless=is_endless)
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._was_stopped = False  # `output` returned nothing because of what came back
        self._is_ending = False  # no other batch leaves; what becomes of the last is no news

    async def send(self, until: asyncio.Event) -> None:
        """Bring everything up until the session, or the carrier, is over; or until an event.

        Args:
            until: when it is set, and `stop` called on the carrier, the last batches are brought
                to their end.

        Raises:
            CarrierLost: no batch got through for two heartbeats; the session is gone; or one
                failed when both sides had closed.
        """
        carrier, dial, now = self._carrier, self._dial, self._loop.time()
        self._error, self._is_ending = None, False
        self.rules.begin(now, now - carrier.began, dial.heartbeat)
        try:
            while await self._may_start(until):
                self._was_stopped = False
                frames = await carrier.output(
                    dial.heartbeat, silence=dial.silence, size=self.rules.size
                )
                if frames:
                    self._start(joined(frames))
                elif not self._was_stopped:
                    break
            self._is_ending = True
            while self._tasks:
                await asyncio.wait(self._tasks)
            if self._error is not None:
                raise self._error
        finally:
            await stop(*self._tasks)

    async def _may_start(self, until: asyncio.Event) -> bool:
        """Wait until another batch may leave; say whether one is wanted."""
        while not until.is_set():
            if self._error is not None:
                raise self._error
            pause = self.rules.may_start(self._loop.time())
            if pause is not None and pause <= 0:
                return True
            self.landed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.landed.wait()
        return False

    def _start(self, data: bytes) -> None:
        rules, now = self.rules, self._loop.time()
        flight = rules.left(self._carrier.core.cursor, now)
        if rules.is_busy:
            self.busy.set()
        waiting = self.beside.left(now, rules.round_trip, len(data))
        task = self._loop.create_task(self._dial.batch(self._carrier, data))
        task.add_done_callback(partial(self._back, flight, waiting))
        self._tasks.add(task)

    def _back(self, flight: Flight, waiting: Waiting, task: asyncio.Task[None]) -> None:
        """Take what has become of a batch."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        self.beside.back(waiting, answered=error is None and not task.cancelled())
        if task.cancelled():
            return
        now = self._loop.time()
        if error is not None and (not isinstance(error, CarrierLost) or self._is_gone(error, now)):
            self._fail(error)
            return
        core, carrier = self._carrier.live.core, self._carrier.core
        decision = self.rules.landed(flight, error, now, core.outbox.first, carrier.cursor)
        if decision is not None and not self._is_ending:
            self._decided(decision)
        if decision is not None or self.rules.is_failing:
            self._stop_output()
        self.landed.set()

    def _is_gone(self, error: CarrierLost, now: float) -> bool:
        if self._is_ending and error.gone == ELSEWHERE:
            return False
        return self._dial.elsewhere.is_gone(error, now)

    def _decided(self, decision: Decision) -> None:
        live = self._carrier.live
        if isinstance(decision, Abort):
            live.abort(1006, decision.reason)
        elif isinstance(decision, Dead):
            error = CarrierLost(decision.reason, answered=decision.cause.answered)
            error.__cause__ = decision.cause
            self._fail(error)
        else:
            if decision.narrowed:
                live.batch = self.rules.size
                logger.info(
                    "session %s: sending %d bytes a batch from now on", live.name, live.batch
                )
            live.core.rewind(self._carrier.core)

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._stop_output()
        self.landed.set()

    def _stop_output(self) -> None:
        """Let a wait for frames return nothing: no other batch may leave now."""
        self._was_stopped = True
        self._carrier.stop()
