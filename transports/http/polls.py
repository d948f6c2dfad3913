"""A series of polls: which comes next, and what it means where one is not answered.

Knows: the count of polls, what is wrong with a response, seconds.
Must not know: requests, sessions, an event loop, a clock: times are arguments.

Frames go up with the first poll, and with one that follows a response which brought something:
what an application says to that needs no request of its own. All else goes up in batches beside
the poll that is held.

A client that must keep no request open visits: it polls with count 1 on a new carrier each time,
which the server answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from byway.errors import CarrierLost

INTERVAL: Final = 2.0
"""Seconds between two visits where nothing is said."""

SOON: Final = 0.25
"""Seconds between two visits where something was said, which may well be answered."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The next poll.

    Attributes:
        count: its count on the carrier.
        renews: it is a visit: it waits until that is due, and a new carrier is put in the place of
            the one before.
    """

    count: int
    renews: bool = False

    @property
    def is_held(self) -> bool:
        """Whether the server holds it until there is something to say."""
        return self.count > 1


class After(Enum):
    """What follows where a poll was not answered."""

    LOST = "lost"  # the carrier has ended
    AGAIN = "again"  # poll again
    REWIND = "rewind"  # poll again, and write again what was not acknowledged


class Polls:
    """Decides for one carrier, or for one after another where the client visits."""

    def __init__(self) -> None:
        """Begin before the first poll."""
        self._count = 0
        self._has_failed = False  # the poll before was not answered
        self._has_words = False  # frames went up with it, and may not have come either
        self._is_other = False  # it was asked for in the other form just now
        self._is_renewed = False  # there was a visit before

    def next(self, *, visiting: bool) -> Ask:
        """Return the next poll.

        Args:
            visiting: whether the client keeps no request open now.
        """
        renews = visiting and self._count > 0
        if renews:
            self._count, self._is_renewed = 0, True
        self._count += 1
        self._has_words = False
        return Ask(self._count, renews)

    @property
    def may_speak(self) -> bool:
        """Whether frames may go up with a poll that is held: the one before was answered.

        What lost the poll before might be those frames. Batches have rules for that.
        """
        return not self._has_failed and not self._is_other

    def speaks(self) -> None:
        """Say that frames go up with the poll."""
        self._has_words = True

    def answered(self) -> bool:
        """Say that it was answered; return whether that proves the carrier, as a PONG would.

        A PONG would come on the carrier of the visit before.
        """
        self._has_failed = self._is_other = False
        return self._is_renewed and self._count == 1

    def given_up(self) -> After:
        """Say that it was broken off, as it held up everything else; return what follows."""
        self._has_failed = self._is_other = False
        return self._following()

    def failed(self, error: CarrierLost, *, is_open: bool) -> After:
        """Say that it was not answered; return what follows.

        Args:
            error: why.
            is_open: whether the carrier has ever opened.
        """
        if error.other_form and not self._is_other:
            self._is_other = True
            self._count -= 1  # the same poll: the server keeps what it has answered
        # One response may be lost alone; the next poll says what has come.
        elif is_open and not self._has_failed and self._may_recur(error):
            self._has_failed = True
        else:
            return After.LOST
        return self._following()

    def _may_recur(self, error: CarrierLost) -> bool:
        """Say whether the next poll may succeed: this one was cut off, or its frames failed."""
        return error.trouble == "reset" or self._has_words

    def _following(self) -> After:
        return After.REWIND if self._has_words else After.AGAIN


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit, and what had been said on both sides when it began.

    Attributes:
        began: when it began.
        said: number of the first frame that was not acknowledged.
        heard: number of the last frame that was received.
    """

    began: float
    said: int
    heard: int

    def next_at(self, said: int, heard: int) -> float:
        """Return when the next is due: soon after something was said, on either side."""
        is_quiet = said == self.said and heard == self.heard
        return self.began + (INTERVAL if is_quiet else SOON)
