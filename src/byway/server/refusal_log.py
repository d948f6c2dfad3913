"""The refusal log: how loudly a log says what a peer did wrong.

Knows: which refusals are nobody's fault, and which come again and again.
Must not know: requests, how they are answered.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

from byway.errors import ELSEWHERE, ENDED, PeerError
from byway.server.origin import ForeignPage
from byway.server.throttle import Throttle

CURE: Final = (
    "set the same backplane= in all processes (docs/how-to/several-processes.md), "
    "or run one process"
)
"""What helps where several processes share an address."""


MORE: Final = "pages of more origins are refused; the log names them again in a minute"
"""What is said once a minute of all those origins that are too many to name."""


class RefusalLog:
    """What the log of one endpoint was told lately."""

    def __init__(self, refusals: Counter[int] | None = None) -> None:
        """Start with nothing told.

        Args:
            refusals: in which the refusals are counted, by status.
        """
        self._refusals = Counter[int]() if refusals is None else refusals
        self._pages = Throttle()
        self._more = Throttle(most=1)
        self._elsewhere = Throttle(most=1)

    def line(self, error: PeerError, page: ForeignPage | None = None) -> tuple[int, str]:
        """Return the level at which a refusal is logged, and its text; take it that it is.

        Args:
            error: the refusal.
            page: what is said of the page that made the call, where it is not one of the server's
                own. Whatever it is refused for, it may ask again and again.
        """
        self._refusals[error.status] += 1
        # What helps is more than the peer is told.
        text = f"{error}: {CURE}" if error.gone == ELSEWHERE else str(error)
        if error.gone == ENDED:
            return logging.INFO, text  # just behind the end of its session it is nobody's fault
        if page is None:
            # Its cause may have been told within the last minute.
            is_news = error.gone != ELSEWHERE or self._elsewhere.due(ELSEWHERE)
            return logging.WARNING if is_news else logging.INFO, text
        if self._pages.due(page.page):
            return logging.WARNING, text
        if page.page not in self._pages and self._more.due(MORE):
            return logging.WARNING, f"{text} ({MORE})"
        return logging.DEBUG, text
