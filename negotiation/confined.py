"""What is said of a transport on a path that lets one request of a client through at a time.

Knows: which servers and gateways do that, and what helps.
Must not know: how that was seen.
"""

from __future__ import annotations

from typing import Final

TROUBLE: Final = "turns"
"""The trouble of a carrier beside whose response no batch got a response."""

OUTCOME: Final = "one request at a time"
"""The verdict in a few words."""

WHY: Final = (
    "No other request gets a response while one response is open: the path lets only one request "
    "of a client through at a time. Servers with one worker do that (`php -S`, Flask without "
    "threads), and so do applications that lock a session (PHP, ASP.NET), and some gateways."
)
"""What was seen, and what it means."""

ADVICE: Final = (
    "Ask whoever runs the server or the gateway to let several requests of a client through at a "
    "time on this path, or to let WebSockets pass. Over `poll` sessions work meanwhile, with "
    "requests that get a response at once."
)
"""What helps."""
