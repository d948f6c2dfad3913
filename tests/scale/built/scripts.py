"""Redis with the product's own scripts, and the conversation of a process with it.

Knows: the faults of the model's Redis, the interpreter of the scripts.
Must not know: what the scripts are for.
"""

from __future__ import annotations

import asyncio
from typing import Any

from byway.backplane.asks import Ask, Response
from byway.backplane.conversation import Conversation, Facts, NoResponse
from tests.scale.built.loop import ProcessLoop
from tests.scale.redis import Redis
from tests.scale.world import World
from tests.support.lua import LuaServer

BEGIN = 1_000_000.0
"""The server's clock when a run begins."""


class ScriptRedis(Redis):
    """What the model's Redis is, with other data and other scripts."""

    def __init__(self, world: World) -> None:
        """Start with nothing."""
        self.server = LuaServer()
        self._saved: Any = None
        self._writes: list[tuple[float, Any]] = []
        super().__init__(world)
        self._saved = self.server.snapshot()

    def evaluate(self, asks: list[Ask]) -> list[Response]:
        """Run scripts, one after the other."""
        self.server.now = BEGIN + self.world.now
        self._writes.append((self.world.now, self.server.snapshot()))
        del self._writes[:-20]
        return [self.server.ask(one) for one in asks]

    def save(self) -> None:
        """Write a snapshot."""
        self._saved = self.server.snapshot()

    def restart(self, *, snapshot: bool) -> None:
        """Start again with all data, or with those of the last snapshot only."""
        if snapshot:
            self.server.restore(self._saved)
            self.world.lost_at = self.world.now
        else:
            self.server.restart()

    def empty(self) -> None:
        """Lose all data, while it goes on."""
        self.server.empty()
        self.world.lost_at = self.world.now

    def fail_over(self) -> None:
        """Go on as a replica that has not got the last writes."""
        later = [data for when, data in self._writes if when > self.world.now - 0.3]
        if later:
            self.server.restore(later[0])
            self.world.lost_at = self.world.now
        else:
            self.server.restart()


class Talk(Conversation):
    """What a process says to it: in batches, one after the other, as over one connection."""

    def __init__(self, loop: ProcessLoop, redis: ScriptRedis) -> None:
        """Say nothing yet."""
        self._loop = loop
        self._redis = redis
        self._waiting: list[tuple[Ask, asyncio.Future[Response]]] = []
        self._talking: asyncio.Task[None] | None = None

    async def ask(self, ask: Ask) -> Response:
        """Run a script."""
        future: asyncio.Future[Response] = self._loop.create_future()
        self._waiting.append((ask, future))
        if self._talking is None:
            self._talking = self._loop.create_task(self._talk())
        return await future

    async def _talk(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                asks = [ask for ask, future in batch if not future.done()]
                told = [future for _, future in batch if not future.done()]
                answers = await self._answers(asks)
                if answers is None:  # what was not sent fails, too
                    told += [future for _, future in self._waiting]
                    self._waiting = []
                for i, future in enumerate(told):
                    if future.done():
                        continue
                    if answers is None:
                        future.set_exception(NoResponse("it does not respond"))
                    else:
                        future.set_result(answers[i])
        finally:
            self._talking = None

    async def _answers(self, asks: list[Ask]) -> list[Response] | None:
        came: asyncio.Future[list[Response] | None] = self._loop.create_future()

        def done(answers: list[Response] | None) -> None:
            if not came.done():
                came.set_result(answers)

        self._redis.ask(self._loop.process, lambda: self._redis.evaluate(asks), done)
        return await came

    async def facts(self) -> Facts:
        """Say what a Redis says that can be used."""
        if not self._redis.up or self._redis.stopped:
            await asyncio.sleep(0.05)
            raise NoResponse("it does not respond")
        return Facts((7, 0, 15), "", True, 0)

    async def own_address(self) -> str:
        """Return an address that no other process has."""
        number = self._loop.process.number
        return f"10.0.{number // 250}.{number % 250 + 1}"

    async def aclose(self) -> None:
        """Hang up."""
