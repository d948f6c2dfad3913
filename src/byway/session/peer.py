"""What the other side of a session is able to do.

Knows: the abilities on which a session depends.
Must not know: sessions, transports, how a peer is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The abilities of the other side.

    Attributes:
        acknowledges: it says what it has received. What was sent to one that does not is kept in
            a ring of `ServerLimits.outbox` bytes once it was written.
        has_credit: it says how much room it has. One that does not is sent everything at once.
        has_uplink: it sends frames itself, which are acknowledged. One that does not is sent
            padding as a heartbeat, and its silence means nothing.
        closes: it takes part in the closing handshake. With one that does not, a close of this
            side is the end.
    """

    acknowledges: bool
    has_credit: bool
    has_uplink: bool
    closes: bool


BYWAY: Final = Peer(acknowledges=True, has_credit=True, has_uplink=True, closes=True)
"""A client or server of byway."""

READER: Final = Peer(acknowledges=False, has_credit=False, has_uplink=False, closes=False)
"""Somebody who only reads a response, and knows nothing of byway: `curl`, an `EventSource`."""
