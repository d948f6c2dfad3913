"""Turns: one request of a client address at a time, the others wait for the end of its response.

Knows: who waits for whom, in the order of arrival.
Must not know: HTTP, sockets, which rule wants it so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from byway.testing.exchange import Gone


class Turns:
    """Lets one request of each address through. An address is forgotten with its last request."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._there: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, address: str, gone: asyncio.Event) -> AsyncIterator[None]:
        """Wait until every earlier request of this address is over.

        Args:
            address: the client's.
            gone: set when the client leaves; then it waits no longer.

        Raises:
            Gone: the client has left before its turn.
        """
        lock = self._locks.setdefault(address, asyncio.Lock())
        self._there[address] = self._there.get(address, 0) + 1
        try:
            await self._acquire(lock, gone)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._there[address] -= 1
            if not self._there[address]:
                del self._there[address], self._locks[address]

    @staticmethod
    async def _acquire(lock: asyncio.Lock, gone: asyncio.Event) -> None:
        acquiring = asyncio.create_task(lock.acquire())
        leaving = asyncio.create_task(gone.wait())
        taken = False
        try:
            await asyncio.wait({acquiring, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if gone.is_set():
                raise Gone
            taken = True
        finally:
            leaving.cancel()
            if not taken:
                if acquiring.done():
                    lock.release()
                acquiring.cancel()
