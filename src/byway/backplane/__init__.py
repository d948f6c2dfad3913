"""Backplanes: how several processes that serve one address share their sessions.

Knows: the backplanes that there are.
Must not know: requests, transports, what an application does.
"""

from __future__ import annotations

from byway.backplane.base import (
    Backplane,
    BackplaneError,
    Claim,
    Gone,
    Link,
    LinkLost,
    ServeCall,
    Unavailable,
    Unreachable,
)
from byway.backplane.nothing import NoBackplane

__all__ = [
    "Backplane",
    "BackplaneError",
    "Claim",
    "Gone",
    "Link",
    "LinkLost",
    "NoBackplane",
    "ServeCall",
    "Unavailable",
    "Unreachable",
]
