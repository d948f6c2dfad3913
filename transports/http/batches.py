"""Batches: when the next one may leave, and what the response to one means.

Knows: frames' numbers, bytes, seconds, what is wrong with a response.
Must not know: requests, sessions, an event loop, a clock: times and random numbers are arguments.

Batches are numbered like everything else, so a repeated one does no harm, and one that overtakes
another waits for it at the server. What accumulates while one is on its way is the next; where the
round trip is long, several are on their way at a time.

When one fails, or the response to the oldest acknowledges less than it held, no other leaves until
all are back. Then everything goes up again that was not acknowledged.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from byway.errors import CarrierLost
from byway.limits import MAX_PART

FIRST_RETRY: Final = 0.1
"""Seconds that the first retry of a batch waits at most; the bound doubles with each later one."""

TOO_LARGE: Final = 413
"""The HTTP status that says that a request was too large."""

MAX_IN_FLIGHT: Final = 8
"""Batches that are on their way at a time, at most."""

LONG: Final = 0.02
"""Seconds of a round trip from which on several batches are on their way at a time. Below, it
takes longer to make a request than to wait for the response to the one before."""

FIRST_PAUSE: Final = 0.002
"""Seconds before the first batch, so that what an application says as soon as it is connected
goes with it."""

BUSY: Final = 4
"""Batches with something of the application's in them, after which a session counts as one that has
much to say. Round trips that are measured make more of them."""

SMOOTHING: Final = 0.25
"""Weight of the newest round trip in their mean."""

LATE: Final = 2.0
"""Heartbeats in which no batch got through, after which the carrier is dead."""

_GAP: Final = CarrierLost("responses come, but nothing is acknowledged")


@dataclass(frozen=True, slots=True)
class Rewind:
    """Write again what was not acknowledged, in the next batch.

    Attributes:
        pause: seconds until that may leave.
        narrowed: the path refuses requests of the size so far. Batches are smaller from now on,
            those of later carriers too.
    """

    pause: float = 0.0
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """No batch got through for too long: the carrier has ended.

    Attributes:
        reason: says so.
        cause: why the last one failed.
    """

    reason: str
    cause: CarrierLost


@dataclass(frozen=True, slots=True)
class Abort:
    """The path refuses the smallest request there is, and always will: the session has ended.

    Attributes:
        reason: says so.
    """

    reason: str


Decision = Rewind | Dead | Abort


@dataclass(slots=True, eq=False)
class Flight:
    """A batch on its way.

    Attributes:
        end: number of the frame behind its last.
        started: when it left.
    """

    end: int
    started: float


class Batches:
    """Decides for one carrier.

    Whoever uses it asks `may_start`, tells `left` and `landed`, and does what that returns.

    Attributes:
        size: bytes of frames that the next batch may hold, exceeded by at most one frame; 1 for
            one frame.
        most: batches that may be on their way at a time.
        flights: those on their way, the oldest first.
        round_trip: seconds that the response to a batch takes, in the mean; 0 after a failure.
        heartbeat: seconds that the server is silent at most. No pause is longer.
    """

    def __init__(self, size: int, jitter: Callable[[float, float], float] = random.uniform) -> None:
        """Start with none on its way.

        Args:
            size: bytes of frames that a batch may hold at first.
            jitter: returns a number between two.
        """
        self.size: int = size
        self.most: int = MAX_IN_FLIGHT
        self.flights: deque[Flight] = deque()
        self.round_trip: float = 0.0
        self.heartbeat: float = 0.0
        self._jitter = jitter
        self._not_before = 0.0
        self._last_start = 0.0
        self._count = 0  # batches that brought something new
        self._written = 0  # number of the frame behind the last that they brought
        self._failure: CarrierLost | None = None  # until all are back
        self._failing_since: float | None = None
        self._failures = 0
        self._bound = FIRST_RETRY  # of the next pause, in seconds
        self._acknowledged = 1  # number of the first frame that was not, when a response last came
        self._went_back_to = 0  # number from which all was written again, last

    def begin(self, now: float, opened_in: float, heartbeat: float) -> None:
        """Begin, or begin again behind an upload; none is on its way.

        Args:
            now: the time.
            opened_in: seconds that the carrier took to open, which counts as a round trip until
                one is known.
            heartbeat: seconds that the server is silent at most.
        """
        self.flights.clear()
        self.heartbeat = heartbeat
        self._failure = None
        self._not_before = now + FIRST_PAUSE
        if not self.is_busy:
            self.round_trip = opened_in

    @property
    def is_busy(self) -> bool:
        """Whether there was so much to say that an upload is worth its connection."""
        return self._count >= BUSY

    @property
    def is_failing(self) -> bool:
        """Whether one has failed, and no other leaves until all are back."""
        return self._failure is not None

    def may_start(self, now: float) -> float | None:
        """Return for how many seconds no other batch may leave; None for until one is back."""
        flights = len(self.flights)
        if not flights:
            return max(0.0, self._not_before - now)
        if self._failure is not None or flights >= self.most or self.round_trip < LONG:
            return None
        if flights == 1:
            return 0.0  # a word that follows another need not wait for its response
        # Evenly over the round trip: what is said in between shares a batch.
        return max(0.0, self._last_start + self.round_trip / self.most - now)

    def left(self, end: int, now: float) -> Flight:
        """Say that a batch leaves.

        Args:
            end: number of the frame behind the last in it.
            now: the time.
        """
        flight = Flight(end, now)
        self.flights.append(flight)
        self._last_start = now
        if end > self._written:
            self._written = end
            self._count += 1
        return flight

    def landed(
        self, flight: Flight, error: CarrierLost | None, now: float, first: int, cursor: int
    ) -> Decision | None:
        """Say that a batch is back, and return what follows.

        Args:
            flight: the batch, as `left` returned it.
            error: why it was not answered with an acknowledgement; None where it was, and that
                was taken.
            now: the time.
            first: number of the first frame that is not acknowledged.
            cursor: number of the next frame to write.
        """
        is_oldest = flight is self.flights[0]
        self.flights.remove(flight)
        if error is not None:
            self._failure = self._failure or error
        else:
            self._answered(flight, now, first)
            # Everything before it was answered, and the server has not got all of it.
            is_missing = is_oldest and first < flight.end or not self.flights and first < cursor
            if is_missing and self._failure is None:
                self._failure = _GAP
        if self._failure is None or self.flights:
            return None
        failure, self._failure = self._failure, None
        before, self._went_back_to = self._went_back_to, first
        if first != before and (failure is _GAP or failure.other_form):
            return Rewind()  # responses do come, and more is acknowledged than the last time
        return self._failed(failure, now)

    def _answered(self, flight: Flight, now: float, first: int) -> None:
        took, mean = now - flight.started, self.round_trip
        self.round_trip = mean + SMOOTHING * (took - mean) if mean else took
        if first >= flight.end or first > self._acknowledged:
            self._failing_since, self._failures, self._bound = None, 0, FIRST_RETRY
        self._acknowledged = first

    def _failed(self, failure: CarrierLost, now: float) -> Decision:
        is_too_large = failure.answered == TOO_LARGE
        if is_too_large and self.size == 1:
            return Abort(f"the way up refuses a request of one frame: {failure}")
        self._failures += 1
        if is_too_large or self._failures % 2 == 0:
            # The path will not change its mind; and some swallow what is too large for them.
            self.size = _half(self.size)
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= LATE * self.heartbeat:
            return Dead(f"the uplink is dead: {failure}", failure)
        self.round_trip = 0.0  # one at a time until one is answered
        if is_too_large:
            return Rewind(narrowed=True)
        pause = self._jitter(0.0, self._bound)  # full jitter
        pause = max(pause, min(failure.retry_after or 0.0, self.heartbeat))
        self._bound = min(self._bound * 2, self.heartbeat)
        self._not_before = now + pause
        return Rewind(pause)


def _half(size: int) -> int:
    """Return half of a batch's size; below the size of a part, that of one frame."""
    return size // 2 if size > 2 * MAX_PART else 1
