"""Reconnect: whether a client opens a new session when one has ended, and after what pause.

Knows: close codes, the hint in the reason of 1012, `Retry-After`, backing off.
Must not know: clocks, how a session is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from random import uniform
from typing import Final

from byway.retry_hint import come_back

CODES: Final = frozenset({1001, 1006, 1011, 1012, 1013, 1014})
"""Close codes after which a new session may work: the network, or the server, had failed. After all
others a new session would end in the same way."""

FIRST_PAUSE: Final = 1.0
"""Seconds that the first pause lasts at most; the bound doubles with each later one in vain."""

LAST_PAUSE: Final = 60.0
"""Seconds that any pause lasts at most, if the server names none."""

LONGEST_ASKED: Final = 600.0
"""Seconds of a `Retry-After` that are waited at most, before the server is asked again."""


class Reconnect:
    """The pauses of one client."""

    def __init__(self, jitter: Callable[[float, float], float] = uniform) -> None:
        """Begin without a failure.

        Args:
            jitter: returns a number between two others.
        """
        self._jitter = jitter
        self._failures = 0

    def opened(self) -> None:
        """Say that a session was opened."""
        self._failures = 0

    def failed(self, retry_after: float | None = None) -> float:
        """Say that none could be opened; return the seconds to wait, with full jitter.

        Args:
            retry_after: seconds that the server asked for, at least; no more than `LONGEST_ASKED`
                of them are waited.
        """
        pause = self._jitter(0, min(FIRST_PAUSE * 2**self._failures, LAST_PAUSE))
        pause += min(retry_after or 0.0, LONGEST_ASKED)
        self._failures = min(self._failures + 1, 16)
        return pause

    def ended(
        self, code: int | None, reason: str, *, lasted: bool, retry_after: float | None = None
    ) -> float | None:
        """Say how a session has ended.

        Args:
            code: its close code.
            reason: its reason.
            lasted: it was of some length; one that ends at once is followed as if it had failed.
            retry_after: seconds that the server asked for with the response that ended it; no more
                than `LONGEST_ASKED` of them are waited.

        Returns:
            Seconds to wait before the next, or None for no other.
        """
        if code not in CODES:
            return None
        hint = come_back(reason) if code == 1012 else retry_after
        hint = None if hint is None else min(hint, LONGEST_ASKED)
        if lasted:
            self._failures = 0
            if hint is not None:
                return hint
        # A server may say "in 0 s" to each session as soon as it opens: what did not last backs
        # off all the same.
        return max(self.failed(), hint or 0.0)
