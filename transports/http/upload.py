"""The upload: whether a request whose body has no end gets through, and for how long.

Knows: when PINGs went up in it and came back, seconds, frames' numbers.
Must not know: requests, sessions, an event loop, a clock: times are arguments.

It is tried beside the batches, and takes their place once a PING that went up in it has come back
while its body is open. One that does not come back in time ends it, and batches go on.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

PROOF_TIMEOUT: Final = 1.0
"""Seconds, at least, in which the first PING has to come back; with a long round trip, more."""

ROUND_TRIPS: Final = 4
"""Round trips in which a PING has to come back, where these are longer than its time-out."""

HEARD_TIMEOUT: Final = 3.0
"""Seconds in which a later PING has to come back, at least. Much may be on the downlink before
it; too short a time does no harm, since what was not acknowledged goes up again in batches."""

PING_INTERVAL: Final = 1.0
"""Seconds after which a PING follows what was said."""

LASTING: Final = 10.0
"""Seconds that an upload has to last, or none is tried again on that session."""


class Move(Enum):
    """What an upload needs now."""

    NOTHING = "nothing"
    PING = "ping"  # write one, and tell `asked`
    LOST = "lost"  # it does not get through, or not any more: break it off


class Upload:
    """Decides on one upload.

    Attributes:
        within: seconds in which the PING that went up last has to come back.
        is_heard: whether it has.
    """

    def __init__(self, now: float, round_trip: float) -> None:
        """Begin with the PING that goes up with the request.

        Args:
            now: the time.
            round_trip: seconds that a round trip takes, about.
        """
        self._longest = ROUND_TRIPS * round_trip
        self.within: float = max(PROOF_TIMEOUT, self._longest)
        self.is_heard: bool = False
        self._asked = now
        self._used_since: float | None = None
        self._written = 0  # number of the next frame when a PING last followed what was said

    def asked(self, now: float) -> None:
        """Say that another PING goes up."""
        self._asked, self.is_heard = now, False

    def heard(self) -> None:
        """Say that the PING has come back."""
        self.is_heard = True

    def may_use(self, flights: int) -> bool:
        """Say whether it takes the place of the batches now.

        Args:
            flights: batches on their way. The last must be back, as a frame in one of them that
                came behind the upload's would be a gap in it.
        """
        return self.is_heard and not flights

    def use(self, now: float, first: int) -> None:
        """Say that it takes their place; what is not acknowledged is written again in it.

        Args:
            now: the time.
            first: number of the first frame that is written in it.
        """
        self._used_since, self._written = now, first
        self.within = max(HEARD_TIMEOUT, self._longest)

    def look(self, now: float, cursor: int, silence: float) -> Move:
        """Say what it needs.

        Args:
            now: the time.
            cursor: number of the next frame to write.
            silence: seconds without a word after which a PING goes up in any case.
        """
        since = now - self._asked
        if not self.is_heard:
            return Move.LOST if since >= self.within else Move.NOTHING
        if self._used_since is None or since < PING_INTERVAL:
            return Move.NOTHING
        if cursor == self._written and since < silence:
            return Move.NOTHING
        self._written = cursor
        return Move.PING

    def has_lasted(self, now: float) -> bool:
        """Say whether, at its end, it was of use for long enough that another is worth a try."""
        return self._used_since is not None and now - self._used_since >= LASTING
