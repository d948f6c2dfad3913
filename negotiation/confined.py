"""What is said of a transport on a path that lets one request of a client through at a time.

Knows: who behaves so, and what helps.
Must not know: how that was seen.
"""

from __future__ import annotations

from typing import Final

TROUBLE: Final = "turns"
"""The trouble of a carrier beside whose response no batch was answered."""

OUTCOME: Final = "one request at a time"
"""The verdict in a few words."""

WHY: Final = (
    "No other request is answered while a response is open: the path lets the requests of a client "
    "through one at a time. Servers with one worker do so (`php -S`, Flask "
    "without threads), applications that lock a session (PHP, ASP.NET), and some gateways."
)
"""What was seen, and what it means."""

ADVICE: Final = (
    "Who runs the server or the gateway: let several requests of a client pass at a time on this "
    "path, or let the WebSocket's upgrade pass. Over `poll` a session goes on with requests that "
    "are answered at once."
)
"""What helps."""
