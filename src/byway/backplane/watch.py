"""Watch: one timer for all connections of a holder, however many there are.

Knows: how often to look.
Must not know: what is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Calls back in even steps, until it is stopped."""

    def __init__(self, step: float, look: Callable[[], bool]) -> None:
        """Do nothing yet.

        Args:
            step: seconds between two looks.
            look: called at each; it returns whether there will be something to look at.
        """
        self._step = step
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Go on, or start: there is something to look at."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._step, self._step_on)

    def stop(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step_on(self) -> None:
        self._timer = None
        if self._look():
            self.start()
