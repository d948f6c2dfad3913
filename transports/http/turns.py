"""Turns: whether a path lets the requests of a client through only one at a time.

Knows: for how long a batch waited beside a response that was open, and what is made of that.
Must not know: requests, transports, an event loop, a clock: the time is an argument.

Servers with one worker, applications that lock a session, and some gateways let a second request
wait until the response to the first has ended. No batch is answered there beside an endless
response or a poll that is held. A client that only *visits* keeps none open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEAST_WAIT: Final = 1.5
"""Seconds, at least, that a batch waits beside an open response before the response is taken for
what it waits for."""

TRIPS: Final = 4
"""Round trips that it waits at least, but not for longer than `MOST_WAIT`."""

MOST_WAIT: Final = 4.0
"""Seconds that a small batch waits at most: a carrier may have taken long to open for want of its
turn."""

SLOWEST: Final = 16 * 1024
"""Bytes a second that a batch is expected to go up with, at least."""

SHOWN: Final = 0.25
"""Seconds that a poll has been held, at least, when a batch leaves whose answer shows that both
pass at a time."""

FIRST_INTERVAL: Final = 15.0
"""Seconds of visits until a poll is held again, to see whether batches pass beside it by now. The
interval doubles each time that they do not."""

LAST_INTERVAL: Final = 600.0
"""Seconds of visits until the next such try, at most."""


@dataclass(slots=True)
class Turns:
    """What a session has seen of its path in this respect.

    Attributes:
        may_visit: whether the session may go on with visits, where it cannot otherwise.
        alone: the path was seen to let one request through at a time.
    """

    may_visit: bool = False
    alone: bool = False
    _interval: float = FIRST_INTERVAL
    _retry_at: float = 0.0

    @staticmethod
    def wait(round_trip: float, size: int) -> float:
        """Return for how many seconds a batch may be without a response beside an open response.

        Args:
            round_trip: seconds that a response takes, as far as that is known.
            size: bytes of the batch.
        """
        return max(LEAST_WAIT, min(TRIPS * round_trip, MOST_WAIT)) + size / SLOWEST

    def waited(self, now: float) -> None:
        """Say that a batch has waited for so long: the client visits from now on."""
        if self.alone and now < self._retry_at:
            return
        self.alone = True
        self._retry_at = now + self._interval
        self._interval = min(self._interval * 2, LAST_INTERVAL)

    def passed(self) -> None:
        """Say that a batch was answered while a poll was held: there is no need for visits."""
        self.alone = False
        self._interval = FIRST_INTERVAL

    def visits(self, now: float) -> bool:
        """Say whether the client visits now, rather than has its polls held."""
        return self.alone and now < self._retry_at


class Beside:
    """The response that is open beside the batches of a carrier, and which of them it may hold up.

    Attributes:
        held: number of the response that is open; None while none is.
    """

    def __init__(self, shown: float = SHOWN) -> None:
        """Begin with none.

        Args:
            shown: seconds that the response has been open, at least, when a batch leaves whose
                own response shows that both pass at a time. 0 where it has no end.
        """
        self.held: int | None = None
        self._shown = shown
        self._count = 0
        self._since = 0.0

    def opened(self, now: float) -> None:
        """Say that a response is open from now on."""
        self._count += 1
        self.held, self._since = self._count, now

    def closed(self) -> None:
        """Say that none is open any more."""
        self.held = None

    def waited(self, held: int | None) -> bool:
        """Say whether a batch that has waited for too long may be held up by what is open.

        Args:
            held: what was open when it left.
        """
        return held is not None and held == self.held

    def passed(self, held: int | None, started: float) -> bool:
        """Say whether the response to a batch shows that requests pass beside what is open.

        Args:
            held: what was open when it left.
            started: when it left.
        """
        return held is not None and held == self.held and started >= self._since + self._shown
