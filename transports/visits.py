"""Visits: polls that are answered at once, for a client that must keep no request open.

Knows: when the next visit is due.
Must not know: how a poll is made, why the client visits.

The times are those of the client in a page.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from byway.runtime import LiveCarrier

if TYPE_CHECKING:
    from byway.transports.batches import BatchSender

INTERVAL: Final = 2.0
"""Seconds between two visits where nothing is said."""

SOON: Final = 0.25
"""Seconds between two visits where something was said, which may well be answered."""


class Visits:
    """Waits between the visits of one carrier."""

    def __init__(self, carrier: LiveCarrier, batches: BatchSender) -> None:
        """Start before the first."""
        self._core = carrier.live.core
        self._batches = batches
        self._loop = asyncio.get_running_loop()
        self.begin()

    def begin(self) -> None:
        """Take it that a visit begins."""
        self._began = self._loop.time()
        self._said = self._core.outbox.first
        self._heard = self._core.inbox.received

    async def next(self) -> None:
        """Wait until another is due: soon after something was said, on either side."""
        core = self._core
        while True:
            quiet = core.outbox.first == self._said and core.inbox.received == self._heard
            due = self._began + (INTERVAL if quiet else SOON)
            self._batches.landed.clear()
            try:
                async with asyncio.timeout_at(due):
                    await self._batches.landed.wait()
            except TimeoutError:
                return
