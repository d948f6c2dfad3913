"""Pages: what it means that a server refuses what a page of its own origin would say.

Knows: the notes and the sentence of a report about that.
Must not know: how it was seen, verdicts on transports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from byway.negotiation.evidence import Evidence

_HOST: Final = "nginx: `proxy_set_header Host $http_host;`"

MOVES: Final = (
    "A page's WebSocket cannot open a session here, because its `Origin` does not match `Host`: "
    "the page opens over HTTP, and then moves to a WebSocket. To spare it that, let the proxy "
    f"forward `Host` ({_HOST})."
)
"""Of a WebSocket, where requests over HTTP are taken."""

REFUSED: Final = (
    "Pages of the URL's own origin are refused (403); other clients are not. On the server, name "
    f"the origin in `origins=`, or let the proxy forward `Host` ({_HOST})."
)


def page_note(one: Evidence, evidence: Sequence[Evidence]) -> str:
    """Return what is to be noted on a transport about pages; "" for nothing."""
    if not one.page_refused:
        return ""
    taken = any(other.opened is not None and not other.page_refused for other in evidence)
    return MOVES if one.transport == "websocket" and taken else REFUSED


def pages_are_refused(evidence: Sequence[Evidence]) -> bool:
    """Say whether a page gets no session, though other clients do."""
    opened = [one for one in evidence if one.opened is not None]
    return bool(opened) and all(one.page_refused for one in opened)


SUMMARY: Final = "But pages of this origin are refused: see the reason beside each transport."
"""What the summary of a report adds then."""
