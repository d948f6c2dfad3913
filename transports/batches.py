"""Batches: the uplink of every HTTP transport, frames in requests of their own.

Knows: how frames go up in requests, how many of these are on their way, and what to do when one
is not answered.
Must not know: how frames come down.

Batches are numbered like everything else, so a repeated one does no harm, and one that overtakes
another waits for it at the server. What accumulates while one is on its way is the next; where the
round trip is long, several are on their way at a time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from byway.errors import ELSEWHERE, CarrierLost
from byway.limits import MAX_PART
from byway.live import Attachment
from byway.session import Output, joined
from byway.transports.base import stop
from byway.transports.turns import SHOWN

if TYPE_CHECKING:
    from byway.transports.dial import Dial

FIRST_RETRY: Final = 0.1
"""Seconds that the first retry of a batch waits at most; the bound doubles with each later one."""

TOO_LARGE: Final = 413
"""The HTTP status that says that a request was too large."""

MAX_IN_FLIGHT: Final = 8
"""Batches that are on their way at a time, at most."""

LONG: Final = 0.02
"""Seconds of a round trip from which on several batches are on their way at a time. Below, it
takes longer to make a request than to wait for the answer to the one before."""

FIRST_PAUSE: Final = 0.002
"""Seconds before the first batch, so that what an application says as soon as it is connected
goes with it."""

BUSY: Final = 4
"""Batches with something of the application's in them, after which a session counts as one that has
much to say. Round trips that are measured make more of them."""

SMOOTHING: Final = 0.25
"""Weight of the newest round trip in their mean."""

logger: logging.Logger = logging.getLogger("byway.transports.batches")


@dataclass(slots=True, eq=False)
class _Flight:
    """A batch on its way.

    Attributes:
        task: ends with its answer.
        end: number of the frame behind its last.
        started: when it left.
        held: number of the response that was open then; None for none.
        timer: ends its patience beside that response.
    """

    task: asyncio.Task[None]
    end: int
    started: float
    held: int | None = None
    timer: asyncio.TimerHandle | None = None


class Batches:
    """Brings up what a session has to say, batch by batch.

    Attributes:
        round_trip: seconds that the answer to a batch takes, in the mean; 0 after a failure.
        busy: set once there was so much to say that an upload is worth its connection.
        landed: set at each answer.
        held: number of the response that is open beside the batches, None while there is none.
    """

    def __init__(
        self, dial: Dial, link: Attachment, on_wait: Callable[[], None] | None = None
    ) -> None:
        """Take the time that the carrier took to open for a round trip, until one is known.

        Args:
            dial: how to reach the server.
            link: the carrier.
            on_wait: called when a batch has waited for too long beside one open response, which
                therefore may be what it waits for.
        """
        self._dial = dial
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._flights: deque[_Flight] = deque()  # the oldest first
        self.round_trip: float = 0.0
        self._last_start = 0.0
        self._count = 0  # batches that brought something new
        self._written = 0  # number of the frame behind the last that they brought
        self.busy: asyncio.Event = asyncio.Event()
        self.landed: asyncio.Event = asyncio.Event()
        self.held: int | None = None
        self._holds = 0
        self._held_since = 0.0
        self._on_wait = on_wait
        self._size = link.live.batch
        self._failing_since: float | None = None
        self._failures = 0
        self._delay = FIRST_RETRY
        self._acknowledged = 0  # number up to which everything was, when an answer last came
        self._went_back_to = 0  # number from which all was written again, last

    async def send(self, until: asyncio.Event) -> None:
        """Bring everything up until the session, or the carrier, is over; or until an event.

        Args:
            until: when it is set, and `stop` called on the carrier, the last batches are brought
                to their end.

        Raises:
            CarrierLost: no batch got through for two heartbeats; the session is gone; or one
                failed when both sides had closed.
        """
        link, dial = self._link, self._dial
        if not self.busy.is_set():
            self.round_trip = self._loop.time() - link.began
        await asyncio.sleep(FIRST_PAUSE)
        try:
            while not until.is_set():
                await self._land(self._pause())
                frames = await self._output()
                if frames is None:
                    continue
                if not frames:
                    break
                data = joined(frames)
                self._last_start = now = self._loop.time()
                task = self._loop.create_task(dial.batch(link, data))
                self._flights.append(self._flight(task, now, len(data)))
                if link.carrier.cursor > self._written:
                    self._written = link.carrier.cursor
                    self._count += 1
                if self._count == BUSY:
                    self.busy.set()
            await self._land_all()
        finally:
            for one in self._flights:
                if one.timer is not None:
                    one.timer.cancel()
            await stop(*(one.task for one in self._flights))

    def hold(self) -> None:
        """Say that a response is open beside the batches from now on."""
        self._holds += 1
        self.held, self._held_since = self._holds, self._loop.time()

    def release(self) -> None:
        """Say that none is open any more."""
        self.held = None

    def _flight(self, task: asyncio.Task[None], now: float, size: int) -> _Flight:
        flight = _Flight(task, self._link.carrier.cursor, now, self.held)
        if flight.held is not None and self._on_wait is not None:
            wait = self._dial.turns.wait(self.round_trip, size)
            flight.timer = self._loop.call_later(wait, self._waited, flight)
        return flight

    def _waited(self, flight: _Flight) -> None:
        if self._on_wait is not None and self.held == flight.held and not flight.task.done():
            self._on_wait()

    async def _output(self) -> list[Output] | None:
        """Wait for frames to bring up; None where a batch came back before there were any."""
        link, dial = self._link, self._dial
        waiting = link.output(dial.heartbeat, silence=dial.silence, size=self._size)
        if not self._flights or link.live.core.pending(link.carrier):
            return await waiting
        output = self._loop.create_task(waiting)
        try:
            await asyncio.wait(
                {output, *(one.task for one in self._flights)},
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            if not output.done():
                await stop(output)
        return None if output.cancelled() else output.result()

    def _pause(self) -> float | None:
        """Return for how many seconds no other batch may start; None for until one is back."""
        if not self._flights:
            return 0.0
        if self.round_trip < LONG or len(self._flights) >= MAX_IN_FLIGHT:
            return None
        if len(self._flights) == 1:
            return 0.0  # a word that follows another need not wait for its answer
        # Evenly over the round trip: what is said in between shares a batch.
        return self._last_start + self.round_trip / MAX_IN_FLIGHT - self._loop.time()

    async def _land(self, pause: float | None) -> None:
        """Wait until another batch may start, and take the answers that have come.

        Args:
            pause: seconds to wait at most; None for until a batch is back.
        """
        if self._flights and (pause is None or pause > 0):
            await asyncio.wait(
                {one.task for one in self._flights},
                timeout=pause,
                return_when=asyncio.FIRST_COMPLETED,
            )
        for flight in [one for one in self._flights if one.task.done()]:
            if flight not in self._flights:
                continue  # it was taken with another that failed
            oldest = flight is self._flights[0]
            self._flights.remove(flight)
            error = await self._taken(flight)
            core = self._link.live.core
            missing = oldest and core.outbox.first < flight.end
            if error is None and (missing or self._missing()):
                # Everything before it was answered, and the server has not got all of it.
                await self._land_all()
                if core.outbox.first == self._went_back_to:
                    await self._failed(CarrierLost("answers come, and nothing is acknowledged"))
                self._went_back_to = core.outbox.first
                core.rewind(self._link.carrier)
            elif error is not None:
                await self._land_all()
                await self._failed(error)

    def _missing(self) -> bool:
        """Say whether all batches were answered, and something is not acknowledged."""
        first, cursor = self._link.live.core.outbox.first, self._link.carrier.cursor
        return not self._flights and first < cursor

    async def _land_all(self) -> None:
        """Wait until no batch is on its way; that one of them failed too is no news."""
        while self._flights:
            await asyncio.wait({one.task for one in self._flights})
            flight = self._flights.popleft()
            error = await self._taken(flight)
            if error is not None and error.gone not in ("", ELSEWHERE):
                raise error

    async def _taken(self, flight: _Flight) -> CarrierLost | None:
        if flight.timer is not None:
            flight.timer.cancel()
        try:
            flight.task.result()
        except CarrierLost as error:
            return error
        took = self._loop.time() - flight.started
        mean = self.round_trip
        self.round_trip = mean + SMOOTHING * (took - mean) if mean else took
        self.landed.set()
        if flight.held is not None and flight.held == self.held:
            if self._link.carrier.intake.ordered:
                self._on_wait = None  # it has shown that requests pass beside it
            elif flight.started >= self._held_since + SHOWN:
                self._dial.turns.passed()
        first = self._link.live.core.outbox.first
        if first >= flight.end or first > self._acknowledged:
            self._failing_since, self._failures, self._delay = None, 0, FIRST_RETRY
        self._acknowledged = first
        return None

    async def _failed(self, error: CarrierLost) -> None:
        """Go back to what was not acknowledged, after a pause; no other batch is on its way."""
        live, link, dial = self._link.live, self._link, self._dial
        if error.gone and (error.gone != ELSEWHERE or dial.elsewhere.believed(self._loop.time())):
            raise error
        if error.other_form and live.core.outbox.first != self._went_back_to:
            self._went_back_to = live.core.outbox.first
            live.core.rewind(link.carrier)
            return
        if error.answered == TOO_LARGE and self._size == 1:
            live.abort(1006, f"the way up refuses a request of one frame: {error}")
            return
        self._failures += 1
        if error.answered == TOO_LARGE:
            live.batch = self._size = _half(self._size)  # the path will not change its mind
            logger.info("session %s: batches of %d bytes from now on", live.name, self._size)
        elif self._failures % 2 == 0:
            self._size = _half(self._size)  # some paths swallow what is too large for them
        now = self._loop.time()
        self._failing_since = self._failing_since or now
        if now - self._failing_since >= dial.patience:
            raise CarrierLost(f"the uplink is dead: {error}", answered=error.answered) from error
        live.core.rewind(link.carrier)
        self.round_trip = 0.0  # one at a time until one is answered
        if error.answered != TOO_LARGE:
            pause = random.uniform(0, self._delay)  # full jitter
            await asyncio.sleep(max(pause, min(error.retry_after or 0.0, dial.heartbeat)))
            self._delay = min(self._delay * 2, dial.heartbeat)


def _half(size: int) -> int:
    """Return half of a batch's size; below the size of a part, that of one frame."""
    return size // 2 if size > 2 * MAX_PART else 1
