"""Processes: several behind one address that do not share sessions.

Knows: how that shows, and what helps.
Must not know: how it was seen, other verdicts.
"""

from __future__ import annotations

from typing import Final

from byway.negotiation.evidence import Evidence

ONE_PROCESS: Final = (
    "On the server, give all processes one backplane, so that each can take any request "
    "(docs/how-to/several-processes.md), or run one process."
)
"""What helps."""

SUMMARY: Final = "Several processes serve this address, and each has its own sessions."
"""What a summary begins with then."""


def several_processes(one: Evidence) -> str:
    """Return what was seen of a transport of which requests have reached another process."""
    count = one.strangers
    requests = f"{count} requests" if count > 1 else "A request"
    why = f"{requests} of a session reached another process, which does not have that session."
    if one.answered is None:  # a session's own attempt, while a doctor's probe lives for seconds
        return f"{why} Several processes serve this address, or the server has been restarted."
    if one.transport == "websocket":
        return f"{why} It works until it is cut; no session resumes after that."
    return why
