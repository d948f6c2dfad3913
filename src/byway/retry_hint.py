"""The hint: when a client is to come back, in the reason of a close with 1012 or in `Retry-After`.

Knows: how the hint is written and read; `Retry-After` (RFC 9110, section 10.2.3).
Must not know: who gives or takes it.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

MAX_HINT: Final = 600.0
"""Seconds that a server can ask a client to wait, at most."""

LONGEST: Final = 86_400.0
"""Seconds that any `Retry-After` is taken for at most."""

_HINT: Final = re.compile(r"come back in (\d{1,9}(?:\.\d{1,3})?) s$", re.ASCII)


def going_away(seconds: float) -> str:
    """Return the reason that a server gives when it goes away."""
    return f"the server is going away, come back in {seconds:.1f} s"


def come_back(reason: str) -> float | None:
    """Return the seconds after which a reason says to come back, None where it does not."""
    hint = _HINT.search(reason)
    return None if hint is None else min(float(hint[1]), MAX_HINT)


def retry_after(value: str, date: float) -> float | None:
    """Return the seconds that a `Retry-After` asks for: 0 of a date that is past.

    Args:
        value: the header's value: seconds, or an HTTP date.
        date: now, in seconds since the epoch.

    Returns:
        None for what is neither.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:20]), LONGEST)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - date
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST)
