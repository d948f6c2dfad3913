"""The hint: when a client is to come back, as it stands in the reason of a close with 1012.

Knows: how the hint is written and read.
Must not know: who gives or takes it.
"""

from __future__ import annotations

import re
from typing import Final

MAX_HINT: Final = 600.0
"""Seconds that a server can ask a client to wait, at most."""

_HINT: Final = re.compile(r"come back in (\d{1,9}(?:\.\d{1,3})?) s$", re.ASCII)


def going_away(seconds: float) -> str:
    """Return the reason that a server gives when it goes away."""
    return f"the server is going away, come back in {seconds:.1f} s"


def come_back(reason: str) -> float | None:
    """Return the seconds after which a reason says to come back, None where it does not."""
    hint = _HINT.search(reason)
    return None if hint is None else min(float(hint[1]), MAX_HINT)
