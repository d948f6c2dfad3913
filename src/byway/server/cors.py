"""CORS: what a page of another origin may read, and which requests its browser may send.

Knows: preflights and the headers of their responses (WHATWG Fetch).
Must not know: which origins are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from byway.transports.base import Headers

MAX_AGE: Final = 600
"""Seconds for which a browser may keep the response to a preflight."""

VARY: Final = ((b"vary", b"origin"),)
"""What every response to a page says, allowed or not."""

# What decides on the origin must be the browser's own word; the rest of the list makes requests of
# another kind of them. Leave to send these is given to nobody.
_NEVER_ALLOWED: Final = frozenset(
    (b"forwarded", b"x-forwarded-host", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip")
)
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def grant(origin: bytes, *, credentials: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return what lets a page of another, allowed origin read the response."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"byway, byway-gone, retry-after"),
        *VARY,
        *(((b"access-control-allow-credentials", b"true"),) if credentials else ()),
    )


def preflight_headers(values: Mapping[bytes, bytes]) -> Headers:
    """Return what the response to an allowed preflight says beside that."""
    wanted = values.get(b"access-control-request-headers", b"")
    names = [one.strip() for one in wanted.split(b",")]
    allowed = [one for one in names if _NAME.fullmatch(one) and one.lower() not in _NEVER_ALLOWED]
    return [
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b", ".join(allowed)),
        (b"access-control-max-age", str(MAX_AGE).encode()),
    ]


def is_preflight(method: str, values: Mapping[bytes, bytes]) -> bool:
    """Say whether a request is the preflight of one of byway's own (WHATWG Fetch)."""
    if method != "OPTIONS":
        return False
    wanted = values.get(b"access-control-request-headers", b"").lower()
    return b"byway" in [one.strip() for one in wanted.split(b",")]
