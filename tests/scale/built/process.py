"""A process of the product's own classes: middleware, admission, registry, backplane, door, links.

Knows: how they are put together, and an application that counts.
Must not know: faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from byway.backplane import Backplane
from byway.backplane.entrance import Entrance
from byway.backplane.redis_process import RedisProcess
from byway.backplane.trust import Trust
from byway.limits import ServerLimits
from byway.server import FallbackMiddleware
from byway.server.process import process_name
from byway.transports.base import Event, Receive, Scope, Send
from tests.scale.built.disk import DiskFolder
from tests.scale.built.network import Network, NetworkLoop
from tests.scale.built.scripts import ScriptRedis, Talk
from tests.scale.figures import HEARTBEAT, REFUSAL, WINDOW
from tests.scale.life import Living, Run, is_refused
from tests.scale.serving import check
from tests.scale.world import Violation, World

LIMITS = ServerLimits(
    inbox=4096, outbox=4096, part=256, heartbeat=HEARTBEAT, window=WINDOW, refusal_age=REFUSAL
)


MEND_LATE = 1.5
"""Seconds within which a process sees that its files are gone, and has made them anew."""


class Handled:
    """The run of a handler."""

    def __init__(self, key: str) -> None:
        """Begin to count."""
        self.key = key
        self.got: int = 0
        self.sent: int = 0
        self.wants = asyncio.Event()

    @property
    def carried(self) -> bool:
        """Say whether it may say more: what it said last has gone to the session."""
        return not self.wants.is_set()

    def say(self) -> None:
        """Let it send a message."""
        self.wants.set()


class BuiltProcess(Living):
    """A process."""

    def __init__(
        self, world: World, number: int, meeting: ScriptRedis | DiskFolder, network: Network
    ) -> None:
        """Be there, and start."""
        super().__init__(world, number, "")
        # It has of a loop what is used here.
        self.loop = NetworkLoop(self, network)  # type: ignore[abstract]
        self._meeting = meeting
        self._handled: dict[str, Handled] = {}
        with self.loop.running():
            self.name = process_name()
            self._bound = self._bind  # one object: the product takes it for one backplane
            self.app = FallbackMiddleware(
                self._serve, backplane=self._bound, name="scale", limits=LIMITS
            )
            self.loop.create_task(self._live())

    def _bind(self, name: str) -> Backplane:
        if isinstance(self._meeting, DiskFolder):
            return self._meeting.bind(name, LIMITS)
        return RedisProcess(
            name,
            LIMITS,
            conversation=Talk(self.loop, self._meeting),
            namespace="scale",
            entrance=Entrance(None, [0], None),
            trust=Trust(),
            open_when_away=False,
        )

    @property
    def runs(self) -> Mapping[str, Run]:
        """The sessions that it owns."""
        return self._handled

    @property
    def told(self) -> float:
        """Until when it can be relied on that lost claims were told again."""
        late = MEND_LATE if isinstance(self._meeting, DiskFolder) else -1e9
        return self.world.now - late

    def kill(self, *, vanished: bool = False) -> None:
        """End it at once, alone or with its host."""
        super().kill(vanished=vanished)
        if isinstance(self._meeting, DiskFolder):
            self._meeting.killed(self.name)

    async def _live(self) -> None:
        came: list[Event] = [{"type": "lifespan.startup"}]

        async def receive() -> Event:
            if came:
                return came.pop()
            await self.loop.create_future()
            raise AssertionError("it ends by being killed")

        async def send(event: Event) -> None:
            if event["type"] != "lifespan.startup.complete":
                self.world.broken = Violation(f"{self.name} does not start: {event}")

        await self.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)

    # The application

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        else:
            try:
                await self._handle(scope["path"].strip("/"), receive, send)
            except Violation as error:
                self.world.broken = self.world.broken or error

    async def _handle(self, key: str, receive: Receive, send: Send) -> None:
        self.ran(key)
        await receive()
        if is_refused(key):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        run = self._handled[key] = Handled(key)
        saying = self.loop.create_task(self._say(run, send))
        try:
            while (event := await receive())["type"] == "websocket.receive":
                check(key, event["text"], run.got, "handler")
                run.got += 1
        finally:
            saying.cancel()
            self.world.log(self.name, "session", key, "is over")
            del self._handled[key]

    async def _say(self, run: Handled, send: Send) -> None:
        while True:
            await run.wants.wait()
            text = f"{run.key}/{run.sent}"
            run.sent += 1
            await send({"type": "websocket.send", "text": text})
            run.wants.clear()
