"""Processes: several behind one address that do not share sessions.

Knows: how that shows, and what helps.
Must not know: how it was seen, other verdicts.
"""

from __future__ import annotations

from typing import Final

from byway.negotiation.evidence import Evidence

ONE_PROCESS: Final = (
    "Who runs the server: give all of its processes one backplane, so that any of them can take "
    "any request (docs/how-to/several-processes.md), or run one process."
)
"""What helps."""

SUMMARY: Final = "Several processes serve this address, and each has sessions of its own."
"""What a summary begins with then."""


def several_processes(one: Evidence) -> str:
    """Return what was seen of a transport whose requests another process has answered."""
    count = one.strangers
    requests = f"{count} requests" if count > 1 else "A request"
    why = f"{requests} of a session reached another process, which does not have that session."
    if one.answered is None:  # a session's own attempt, while a doctor's probe lives for seconds
        return f"{why} Several serve this address, or the server was restarted meanwhile."
    if one.transport == "websocket":
        return f"{why} It works while it lasts, and no session goes on after a cut."
    return why
