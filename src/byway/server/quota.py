"""Quota: how many sessions there may be, in all and of one client address.

Knows: addresses, and how many places each holds.
Must not know: keys, requests, what a session is.
"""

from __future__ import annotations

from collections import Counter

from byway.errors import PeerError
from byway.limits import ServerLimits


class Quota:
    """The places of this process.

    A place is held until the session is over and its handler has returned: else a client that
    closes at once could have any number of handlers run.
    """

    def __init__(self, limits: ServerLimits) -> None:
        """Start with all of them free."""
        self._limits = limits
        self._held: Counter[str] = Counter()
        self._total = 0

    def check(self, address: str) -> None:
        """See that one is free.

        Raises:
            PeerError: 503, if all are held; 429, if this address holds its share.
        """
        total, share = self._limits.sessions, self._limits.sessions_per_address
        if self._total >= total:
            raise PeerError(f"the server already has {total} sessions, its maximum", status=503)
        if self._held[address] >= share:
            raise PeerError(f"this address already has {share} sessions, its maximum", status=429)

    def take(self, address: str) -> None:
        """Hold one."""
        self._total += 1
        self._held[address] += 1

    def leave(self, address: str) -> None:
        """Let one go."""
        self._total -= 1
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]
