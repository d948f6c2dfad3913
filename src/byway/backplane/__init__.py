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
    ServeRequest,
    Tell,
    Unavailable,
    Unreachable,
)
from byway.backplane.counts import Counts
from byway.backplane.nothing import NoBackplane
from byway.backplane.workers import WorkersBackplane

__all__ = [
    "Backplane",
    "BackplaneError",
    "Claim",
    "Counts",
    "Gone",
    "Link",
    "LinkLost",
    "NoBackplane",
    "ServeCall",
    "ServeRequest",
    "Tell",
    "Unavailable",
    "Unreachable",
    "WorkersBackplane",
]
