"""Counters: what went through a network and what its rules did, for tests to assert on.

Knows: names and numbers, and who waits for them to change.
Must not know: what is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Numbers since the network began. Rules do not reset them.

    Attributes:
        accepted: connections from clients.
        requests: requests, CONNECT among them.
        upgrades: requests that asked for an upgrade.
        posts: requests whose method is POST.
        passed: requests that went to the origin.
        answered: requests that the proxy answered by itself: refused, 502, 504 and the like.
        swallowed: requests that were never answered.
        dropped: requests whose connection was reset instead of a response.
        repeated: requests that the origin got once more.
        lost: answers that the client did not get.
        tunnels: WebSockets and CONNECT tunnels that opened.
        muted: bytes that vanished in tunnels.
        cut: answers and connections that a rule ended.
        killed: connections reset by `kill_connections`.
        bytes_up: bytes from clients.
        bytes_down: bytes to clients.
    """

    accepted: int = 0
    requests: int = 0
    upgrades: int = 0
    posts: int = 0
    passed: int = 0
    answered: int = 0
    swallowed: int = 0
    dropped: int = 0
    repeated: int = 0
    lost: int = 0
    tunnels: int = 0
    muted: int = 0
    cut: int = 0
    killed: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class Changes:
    """Wakes those who wait for something to become true."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """Say that something has changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true; it is looked at after each change."""
        while not true():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
