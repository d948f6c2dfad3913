"""A tunnel: bytes both ways after a 101 or a CONNECT, as the plan says.

Knows: bytes, two connections.
Must not know: HTTP, rules.
"""

from __future__ import annotations

import asyncio

from byway.testing.counters import Changes, Counters
from byway.testing.holding import Budget
from byway.testing.plan import Tunnel
from byway.testing.sides import OriginSide
from byway.testing.wire import Wire


class Killed(Exception):
    """A rule ends the tunnel with a reset."""


class TunnelPumps:
    """Carries bytes both ways until one side ends."""

    def __init__(
        self, wire: Wire, origin: OriginSide, plan: Tunnel, counters: Counters, changes: Changes
    ) -> None:
        """Prepare."""
        self._wire = wire
        self._origin = origin
        self._plan = plan
        self._counters = counters
        self._changes = changes
        self._budget = Budget(plan.kill_bytes)

    async def run(self, from_client: bytes, from_origin: bytes) -> str:
        """Carry bytes until the end; return why it is over. The caller closes both.

        Args:
            from_client: what came behind the request already.
            from_origin: what came behind the response already.

        Raises:
            Killed: both connections are to be reset; what may pass has passed.
            OSError: the origin reset its connection.
        """
        tasks = (
            asyncio.create_task(self._up(from_client)),
            asyncio.create_task(self._down(from_origin)),
        )
        try:
            async with asyncio.timeout(self._plan.kill_after):
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise Killed(f"killed after {self._plan.kill_after:g} s") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return next(task.result() for task in tasks if task in done)

    async def _up(self, data: bytes) -> str:
        while True:
            if data and self._plan.mute_up:
                self._mute(data)
            elif data:
                allowed, short = self._budget.spend(data)
                await self._origin.write(allowed)
                if short:
                    await self._kill()
            data = await self._wire.read()
            if not data:
                return "the client left"

    async def _down(self, data: bytes) -> str:
        while True:
            if data and self._plan.mute_down:
                self._mute(data)
            elif data:
                allowed, short = self._budget.spend(data)
                await self._wire.write(allowed)
                if short:
                    await self._kill()
            data = await self._origin.read()
            if not data:
                if self._plan.mute_down:
                    await self._wire.gone.wait()  # that the origin left is not heard either
                return "the server left"

    def _mute(self, data: bytes) -> None:
        self._counters.muted += len(data)
        self._changes.tell()

    async def _kill(self) -> None:
        await self._wire.finish()
        raise Killed(f"killed after {self._plan.kill_bytes} bytes")
