"""Evidence: what was seen of one transport, before it is judged.

Knows: how far an attempt came, when, and what the response was.
Must not know: what it means, how it was seen.

`Evidence` has more than 25 attributes: each is one thing that was or was not seen, with a verdict
or a note that rests on it alone. No group of them is always there together.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from byway.errors import DROPPED, ELSEWHERE, PLAIN, Attempt

SLOW: Final = "slow"
"""The trouble of a transport that works, and is much slower than another."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """A while in which a carrier was watched.

    Attributes:
        seconds: how long it was to be.
        watched: how long it was: shorter where something ended it.
        cut: whether the network ended it.
    """

    seconds: float
    watched: float = 0.0
    cut: bool = False


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What was seen of one transport. Times are in seconds from the first attempt on.

    Attributes:
        transport: its name.
        tried: whether it was tried at all.
        in_use: whether it carries the session that this is a report of.
        carried: whether it has carried that session, and has not failed since.
        answered: when the head of a response came.
        opened: when OPEN came.
        proven: when the PONG to a PING of the client came.
        trip: seconds of a round trip, the least of several, when nothing else ran.
        ended: when the carrier was lost, where it was.
        held: what the server wrote came only when the response had ended.
        status: the HTTP status of the last response, or of a forward proxy that refuses the tunnel.
        headers: headers of that response that say what sent it.
        mark: its `Byway` header, "" where the response is not byway's.
        trouble: what kept a response from coming, in a word; see `CarrierLost`.
        error: what ended the attempt or the carrier, in the words of the code that noticed it.
        plain: a WebSocket opened whose server does not speak byway.
        offered: the transports that the server says it offers.
        heartbeat: longest silence that the server keeps, in seconds.
        sent: bytes sent to be echoed.
        echoed: bytes that came back.
        echo_time: seconds that it took.
        strangers: requests of a session that reached another process, which does not have it.
        unfinished: time was up before everything had come back.
        stalled: nothing came back any more although the carrier was open.
        cut: seconds from OPEN on after which the carrier was cut.
        cut_by_amount: whether it was the amount that was cut: a second carrier, on which little
            was sent, lasted longer.
        lost: attempts and polls that ended without a response, and were repeated.
        away: openings that got status 429, 502, 503 or 504 instead of the server's response.
        repeats: frames that reached the server again.
        lost_batches: batches that got no response, and were repeated.
        batch_status: the status with which a batch was refused, where one was.
        page_refused: the server refused (403) what a page of the URL's own origin sends, and
            accepted the same without the page's headers.
        text_only: responses of `application/octet-stream` were replaced, and came as text.
        busy: a watch with a message a second.
        silent: a watch without a message.
        timeout: seconds that the attempt was given.
    """

    transport: str
    tried: bool = True
    in_use: bool = False
    carried: bool = False
    answered: float | None = None
    opened: float | None = None
    proven: float | None = None
    ended: float | None = None
    held: bool = False
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    mark: str = ""
    trouble: str = ""
    error: str = ""
    plain: bool = False
    offered: tuple[str, ...] = ()
    heartbeat: float | None = None
    sent: int = 0
    echoed: int = 0
    echo_time: float | None = None
    trip: float | None = None
    strangers: int = 0
    unfinished: bool = False
    stalled: bool = False
    cut: float | None = None
    cut_by_amount: bool = False
    lost: int = 0
    away: int = 0
    repeats: int = 0
    lost_batches: int = 0
    batch_status: int | None = None
    page_refused: bool = False
    text_only: bool = False
    busy: Watch | None = None
    silent: Watch | None = None
    timeout: float | None = None

    @property
    def shows_byway(self) -> bool:
        """Whether something came that only byway says."""
        return self.opened is not None or bool(self.mark) or self.trouble == DROPPED

    def header(self, name: str) -> str:
        """Return a telling header, "" where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def as_json(self) -> dict[str, Any]:
        """Return what was seen, without what was not."""
        empty: tuple[object, ...] = (None, "", (), False)
        found = {key: value for key, value in asdict(self).items() if value not in empty}
        if self.headers:
            found["headers"] = [list(pair) for pair in self.headers]
        return found

    @classmethod
    def of_attempt(cls, attempt: Attempt) -> Evidence:
        """Make it of what a session's own attempt saw."""
        return cls(
            transport=attempt.transport,
            opened=attempt.seconds if attempt.opened else None,
            ended=attempt.seconds,
            cut=attempt.seconds
            if attempt.opened and attempt.trouble not in ("timeout", SLOW)
            else None,
            status=attempt.status,
            headers=attempt.headers,
            mark=attempt.mark,
            trouble=attempt.trouble,
            plain=attempt.trouble == PLAIN,
            error=attempt.error,
            strangers=int(attempt.gone == ELSEWHERE),
            timeout=attempt.seconds,
        )
