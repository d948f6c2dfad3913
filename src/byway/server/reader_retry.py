"""Retries of readers: one that cannot be served now is told when to come back, in its own words.

Knows: which refusals may pass, and how an `EventSource` is made to try again.
Must not know: sessions, why there is no room.

An `EventSource` gives up for good on every status but 200 (WHATWG HTML, section 9.2.3), and tries
again after each response that has ended. So it gets an event stream without events that ends at
once, with the time after which it is to come again. Others get the status and `Retry-After`.
"""

from __future__ import annotations

from http import HTTPStatus
from random import uniform
from typing import Final

from byway.server.call import Call
from byway.server.responses import RETRY_AFTER, send_response
from byway.transports.base import ANSWER_HEADERS, Headers

RECONNECT: Final = 1.0
"""Seconds after which an `EventSource` that was cut off may come back. The defaults of readers are
between 1 and 10."""

SPREAD: Final = 2.0
"""Seconds that are added at random, at most. Else all readers that one event has cut off would come
back at one moment. Where the time is longer than that, it may be doubled."""

_MAY_PASS: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


def reconnect_after(seconds: float = RECONNECT) -> bytes:
    """Return the line of an event stream that says when to come back, in seconds at least.

    It takes effect with its line break: no blank line need follow, which some readers would take
    for an event.
    """
    return b"retry: %d\n" % (1000 * (seconds + uniform(0, max(seconds, SPREAD))))


def would_give_up(call: Call, status: int) -> bool:
    """Say whether a status which may pass would make this reader give up for good.

    An `EventSource` asks for an event stream and nothing else, with `Cache-Control: no-cache`, as
    the standards have it (WHATWG HTML, section 9.2.2: its cache mode is "no-store"; Fetch, section
    4.5). Others that ask like this come back as it does, or start anew.
    """
    values = call.values
    return (
        status in _MAY_PASS
        and values.get(b"accept", b"").strip().lower() == b"text/event-stream"
        and b"no-cache" in values.get(b"cache-control", b"").lower()
    )


async def send_retry(
    call: Call, retry_after: float | None = None, headers: Headers | None = None
) -> None:
    """Answer with an event stream that ends at once.

    Args:
        call: the call.
        retry_after: seconds after which to come again, at least; `RETRY_AFTER` by default.
        headers: more headers.
    """
    pause = RETRY_AFTER if retry_after is None else max(retry_after, RECONNECT)
    told: Headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"byway", b"events"),
        *ANSWER_HEADERS,
        *(headers or ()),
    ]
    await send_response(call, 200, told, reconnect_after(pause))
