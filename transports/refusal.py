"""Refusals: what a response means that is not the one a carrier asked for.

Knows: the header `Byway`, and which of byway's errors a status stands for.
Must not know: transports, connections, what is made of it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

from byway.errors import ELSEWHERE, ENDED, UNKNOWN, CarrierLost, Refused
from byway.handshake import GONE_HEADER
from byway.http_library import httpx
from byway.limits import KIB
from byway.retry_hint import retry_after
from byway.transports.connection_errors import schemes_text, telling

MAX_REFUSAL: Final = 64 * KIB
"""Bytes of a refusal's body that are read; the rest is left."""

REFUSAL_TIMEOUT: Final = 5.0
"""Seconds that a refusal's body may take to arrive."""


async def check(response: httpx.Response, answer: str) -> None:
    """Tell byway's response, its refusals and errors, and the network's responses apart."""
    mark = response.headers.get("byway", "")
    if response.status_code == 200 and mark == answer:
        return
    # Of a stranger's page nothing is needed, and leaving the rest of it ends the connection. Squid
    # 5.7 puts the page for a type that it blocks into chunks, in spite of its Content-Length: what
    # stands behind it would be taken for the head of the next response.
    longest = MAX_REFUSAL if mark else 1
    body = b""
    with suppress(TimeoutError):  # what has come by then says who answered
        async with asyncio.timeout(REFUSAL_TIMEOUT):
            # As it came: nobody was asked to compress it, and a little may unpack to very much.
            async for piece in response.aiter_raw():
                body += piece
                if len(body) >= longest:
                    break
    check_refusal(
        response.status_code, mark, list(response.headers.multi_items()), body[:MAX_REFUSAL]
    )


def check_refusal(status: int, mark: str, headers: list[tuple[str, str]], body: bytes) -> None:
    """Raise what a response means that is not the one asked for.

    Args:
        status: its status.
        mark: its `Byway` header, "" where it has none.
        headers: its headers.
        body: the beginning of its body.

    Raises:
        Refused: it is the application's refusal.
        CarrierLost: it is byway's error or the network's response.
    """
    if mark == "refused":
        raise Refused(status, headers, body)
    text = body[:200].decode(errors="replace").strip().splitlines()
    said = f": {text[0]}" if text else ""
    seen = telling(headers)
    asked = retry_after(dict(seen).get("retry-after", ""), time.time())
    if mark == "error":
        raise CarrierLost(
            f"status {status}{said}",
            answered=status,
            gone=_gone(headers) if status == 410 else "",
            headers=seen,
            mark=mark,
            retry_after=asked,
        )
    who = "" if status != 200 else " (byway is not served here, or something cached the response)"
    if status in (301, 302, 307, 308) and _leads_to_slash(headers):
        who = " (it redirects to a path with a slash at the end: if your URL has none, add it)"
    raise CarrierLost(
        f"status {status} without a Byway header{who}{schemes_text(seen)}",
        answered=status,
        headers=seen,
        mark=mark,
        retry_after=asked,
    )


def _leads_to_slash(headers: list[tuple[str, str]]) -> bool:
    """Return whether a redirect may be that of a framework to what is mounted there."""
    where = next((value for name, value in headers if name.lower() == "location"), "")
    return where.partition("?")[0].endswith("/")


def _gone(headers: list[tuple[str, str]]) -> str:
    """Return what a 410 of byway's says of the session: `unknown` where it is not said, or new."""
    said = next((value for name, value in headers if name.lower() == GONE_HEADER), UNKNOWN)
    return said if said in (ELSEWHERE, ENDED) else UNKNOWN
