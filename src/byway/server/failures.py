"""Failures: who hears of an exception that an application raises in a session.

Knows: that somebody may want to hear of it.
Must not know: sessions, who that is.

The client is told 1011 and the log has the traceback. A test wants the exception itself. Who sets
`HEARS` gets those of every session that is opened by a task which inherits the context.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

HEARS: ContextVar[Callable[[Exception], None] | None] = ContextVar("byway_hears", default=None)
"""Called with each exception; it must not block or raise."""


def tell_failure(error: Exception) -> None:
    """Tell of an exception of the application."""
    if (hears := HEARS.get()) is not None:
        hears(error)
