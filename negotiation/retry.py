"""Retry: whether a round in which nothing opened is worth another, and not before when.

Knows: which responses pass by themselves, or with another key.
Must not know: a clock, asyncio, how anything is tried.

During a deploy a balancer responds with 502 or 503 in the server's place; a captive network, or
maintenance, responds with 511 or a page. All of them end after seconds. The refusal of an
application, and 403, 404 and 405, stay what they are however often one asks. But a second attempt
shows who has refused a WebSocket with a bare 403.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from byway.errors import Attempt
from byway.retry_hint import retry_after

PASSING: Final = frozenset({429, 502, 503, 504, 511})
"""Statuses of others than byway that may be over in a moment."""

GONE: Final = 410
"""byway's own status of an opening whose key is used up: the session that it opened, unheard by
this client, has ended since, or its process has. Another key opens another session."""

OWN_PASSING: Final = frozenset({GONE, 429, 503})
"""Statuses of byway's own errors that may: it has too much to do, is going away, or see `GONE`."""

REFUSING: Final = 403
"""The status of a refused handshake, whoever refused it. An application's has no mark at first:
most servers cannot send one (`websocket.close` before `websocket.accept`)."""

NOT_OFFERED: Final = 406
"""byway's own status of a transport that the server does not offer."""

MAY_BE_REFUSED: Final = (
    "the application may have refused: a bare 403 to a WebSocket does not say who gave it. "
    "Allow another transport, which is told"
)
"""What a bare 403 comes to where no other transport could ask whose it is."""

MAX_OPENINGS: Final = 12
"""Attempts of a session's first rounds, at most, where connections end without a response."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another round is worth it.

    Attributes:
        after: seconds before which it should not begin; the race's own pause comes on top.
        other_key: it has to be with another session key. That is worth it once.
    """

    after: float
    other_key: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Another round would bring the same, or would come too late.

    Attributes:
        why: a sentence on what was seen last and what to do; "" where the attempts say it all.
        retry_after: seconds until the server wants to be asked again, None where it did not say.
    """

    why: str = ""
    retry_after: float | None = None


def may_pass(attempt: Attempt) -> bool:
    """Say whether the response that an attempt got may be another one in a moment."""
    if attempt.mark:
        return attempt.mark == "error" and attempt.status in OWN_PASSING
    if attempt.status == 200:
        return "html" in _header(attempt, "content-type").lower()
    return attempt.status in PASSING


class Retries:
    """What the attempts of one session came to, as far as it says whether to try again.

    Times are of one clock in seconds, whichever that is.
    """

    def __init__(self) -> None:
        """Begin with nothing tried."""
        self._newest: dict[str, Attempt] = {}
        self._not_before: dict[str, float] = {}
        self._tries = 0
        self._keys = 1  # that were, or are, tried
        self._asked = False  # whose a bare 403 is

    def note(self, attempt: Attempt, now: float, date: float) -> None:
        """Take an attempt in vain.

        Args:
            attempt: what became of it.
            now: the time.
            date: the same in seconds since the epoch, for a `Retry-After` that names a date.
        """
        self._tries += 1
        self._newest[attempt.transport] = attempt
        self._not_before.pop(attempt.transport, None)
        if may_pass(attempt):
            wait = retry_after(_header(attempt, "retry-after"), date)
            self._not_before[attempt.transport] = now + (wait or 0.0)

    def first_round(self, now: float, deadline: float) -> Again | GiveUp:
        """Say whether another round is worth it, where the session has not opened yet.

        Args:
            now: the time; every transport was tried in vain.
            deadline: when the session has to be open.
        """
        if self._nobody_told:
            asked, self._asked = self._asked, True
            return GiveUp(MAY_BE_REFUSED) if asked else Again(0.0)
        gone = [name for name in self._not_before if self._newest[name].status == GONE]
        if gone and self._keys > 1:
            for name in gone:
                del self._not_before[name]
            gone = []
        in_time = [at for at in self._not_before.values() if at < deadline]
        if in_time:
            self._keys += bool(gone)
            return Again(max([now, *in_time]) - now, other_key=bool(gone))
        # A connection that ended may be bad luck: some proxies do so to one of a hundred. A port
        # or a name that is not there, or a certificate, would be the same a second time.
        lucky = any(one.trouble in ("reset", "ended") for one in self._newest.values())
        if lucky and self._tries < MAX_OPENINGS:
            return Again(0.0)
        if not self._not_before:
            return GiveUp()
        wait = min(self._not_before.values()) - now
        return GiveUp(
            f"{self._last()} asks to come back in {math.ceil(wait)} s, which is later than "
            "open_timeout allows: try again then",
            wait,
        )

    @property
    def _nobody_told(self) -> bool:
        """Whether a WebSocket was refused, and nothing else could ask whether by the application.

        The server remembers a refusal for some seconds, and answers in full when it is asked again.
        """
        refused = self._newest.get("websocket")
        return (
            refused is not None
            and refused.status == REFUSING
            and not refused.mark
            and all(
                one.status == NOT_OFFERED and one.mark
                for one in self._newest.values()
                if one is not refused
            )
        )

    def later_round(self, now: float, longest: float) -> float:
        """Return the seconds before which a round in mid-session should not begin.

        Args:
            now: the time.
            longest: seconds to wait at most: the session itself does not live for ever.
        """
        return min(max([now, *self._not_before.values()]) - now, longest)

    def late(self) -> GiveUp:
        """Say what was seen last, once time is up."""
        if not self._not_before:
            return GiveUp()
        statuses = {one.status for one in self._newest.values() if one.mark}
        if statuses == {GONE}:
            what = "the process that it began in has ended: try again"
        elif statuses:
            what = "the server has too much to do: try again later"
        elif any(one.status in (200, 511) for one in self._newest.values()):
            what = "that is a login or maintenance page: open it in a browser, and try again"
        else:
            what = (
                "that is what a proxy says whose server is away or busy: look at the server "
                "behind it, or allow more time with open_timeout"
            )
        return GiveUp(f"{self._last()} was still the response after {self._tries} tries; {what}")

    def _last(self) -> str:
        """Return the newest status that may pass, in words."""
        last = next(self._newest[one] for one in reversed(self._not_before))
        return f"{last.status}{' by byway' if last.mark else ''} over {last.transport}"


def _header(attempt: Attempt, name: str) -> str:
    return next((value for key, value in attempt.headers if key == name), "")
