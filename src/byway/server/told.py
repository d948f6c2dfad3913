"""Told: how loudly a log says what a peer did wrong.

Knows: which refusals are nobody's fault, and which come again and again.
Must not know: requests, how they are answered.
"""

from __future__ import annotations

import logging
from typing import Final

from byway.errors import ELSEWHERE, ENDED, PeerError
from byway.server.origin import ForeignPage
from byway.server.throttle import Throttle

CURE: Final = (
    "lead each client to one process (sticky sessions), or run one process; see the verdict "
    "'several processes' in docs/reference/doctor.md"
)
"""What helps where several processes share an address."""


class Told:
    """What the log of one endpoint was told lately."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self._pages = Throttle()
        self._elsewhere = Throttle(most=1)

    def level(self, error: PeerError) -> int:
        """Return the level at which a refusal is logged, and take it that it is."""
        if error.gone == ENDED:
            return logging.INFO  # just behind the end of its session it is nobody's fault
        if error.gone == ELSEWHERE and not self._elsewhere.due(ELSEWHERE):
            return logging.INFO  # its cause was told within the last minute
        if isinstance(error, ForeignPage) and not self._pages.due(error.page):
            return logging.DEBUG  # its page asks again and again
        return logging.WARNING

    @staticmethod
    def text(error: PeerError) -> str:
        """Return what the log says, which may be more than the peer is told."""
        return f"{error}: {CURE}" if error.gone == ELSEWHERE else str(error)
