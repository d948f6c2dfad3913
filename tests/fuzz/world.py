"""A server in this process that is called as an ASGI server would call it, and watched.

Knows: ASGI, the bounds, and what the documentation says may be answered.
Must not know: what is sent to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from byway import Channel, Endpoint, ServerLimits
from byway.frames import HEADER
from byway.server.endpoint import ServerChannel
from byway.session import OVERHEAD
from byway.transports.base import Event, Scope
from tests.unit.clock import JumpingLoop, settle

TINY: Final = ServerLimits(
    max_message=400, part=64, max_frame=128, outbox=512, inbox=512, body=2_048, bodies=4_096,
    batch=512, hello=512, carriers=2, sessions=3, sessions_per_address=2, tombstones=2,
    refusals=2, refusal_body=16, answer_headers=64, heartbeat=1.0, least_heartbeat=0.5,
    window=3.0, silence=3.0, handshake_timeout=2.0, body_timeout=1.0,
)  # fmt: skip
"""So small that few requests reach every bound."""

STATUSES: Final = {400, 403, 405, 406, 408, 409, 410, 413, 415, 426, 429, 503, 504}
"""What `docs/protocol.md` lists for errors."""

ANSWERS: Final = {b"stream", b"sse", b"poll", b"ack", b"up", b"events", b"lines"}
"""What `Byway` says of an answer that carries a session."""

CLOSE_CODES: Final = {1000, 1001, 1002, 1009}
"""With which a WebSocket that was accepted is closed."""

PATIENCE: Final = 5.0
"""Seconds after which a client that is only held leaves. The clock jumps over them."""

KEYS: Final = ("Kx3vT8qLw2ZrN5yBhE7uJd", "PcGmSfXaVoY4QiR6tUlWk0", "9zDjHbMeCnF1gAsOxIvKpL")


async def handler(channel: Channel) -> None:
    """Echo, refuse, or decide nothing, as the path says."""
    path = cast(ServerChannel, channel).scope["path"]
    if path == "/refuse":
        await channel.close()
        return
    if path == "/never":
        await asyncio.sleep(60)
        await channel.close()
        return
    await channel.accept(headers=[(b"x-answer", b"1")])
    if path == "/push":
        for number in range(20):
            await channel.send(f"{number}" * 10)
    async for message in channel:
        await channel.send(message)


class World:
    """The server, and everything that it has answered.

    Attributes:
        app: the application.
        instances: of the sessions that ever lived here, by their keys' places in `KEYS`.
        problems: what should not have happened.
    """

    def __init__(self) -> None:
        """Start without a session."""
        self.app = Endpoint(
            handler,
            limits=TINY,
            origins=["https://app.example"],
            bind=lambda scope: dict(scope["headers"]).get(b"x-user"),
        )
        self.problems: list[str] = []
        self.reader_ids: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def instances(self) -> list[str]:
        """The runs of the handler that live here now."""
        return [one.instance for one in self.app._admission.registry.sessions]

    def call(self, scope: Scope, events: list[Event]) -> None:
        """Begin a call that sends these events, and then waits for a while and leaves."""
        self._tasks.append(asyncio.create_task(self._call(scope, list(events))))

    async def _call(self, scope: Scope, events: list[Event]) -> None:
        sent: list[Event] = []
        over = asyncio.Event()

        async def receive() -> Event:
            if events:
                await asyncio.sleep(0)
                return events.pop(0)
            try:
                async with asyncio.timeout(PATIENCE):
                    await over.wait()
            except TimeoutError:
                pass
            return {"type": f"{scope['type']}.disconnect", "code": 1006}

        async def send(event: Event) -> None:
            await asyncio.sleep(0)
            sent.append(event)
            last = event["type"].endswith((".close", ".body")) and not event.get("more_body")
            if last:
                over.set()

        try:
            await self.app(scope, receive, send)
        except Exception as error:
            self.problems.append(f"raised {error!r}")
            return
        check = self._check_websocket if scope["type"] == "websocket" else self._check_http
        try:
            check(sent)
        except AssertionError as error:
            self.problems.append(f"answered {sent}: {error}")

    def _check_websocket(self, sent: list[Event]) -> None:
        kinds = [event["type"] for event in sent]
        if "websocket.accept" in kinds:
            assert kinds[0] == "websocket.accept"
            for event in sent:
                if event["type"] == "websocket.close":
                    assert event["code"] in CLOSE_CODES
                    assert event is sent[-1]
        elif kinds == ["websocket.close"]:
            pass  # the server cannot say more than 403
        elif kinds:
            start, body = sent
            assert start["type"] == "websocket.http.response.start"
            self._check_error(start, body)

    def _check_http(self, sent: list[Event]) -> None:
        assert [event["type"] for event in sent][:1] == ["http.response.start"]
        assert all(event["type"] == "http.response.body" for event in sent[1:])
        start, *bodies = sent
        headers = dict(start["headers"])
        assert headers[b"x-content-type-options"] == b"nosniff"
        whole = b"".join(event.get("body", b"") for event in bodies)
        if start["status"] == 200:
            assert headers[b"byway"] in ANSWERS
            for line in whole.split(b"\n"):
                if line.startswith(b"id: "):
                    self.reader_ids.append(line[4:].decode())
        elif start["status"] == 204:
            assert not whole
        elif start["status"] == 400 and not whole:
            pass  # the client had left
        else:
            self._check_error(start, {"body": whole})
            assert not bodies[-1].get("more_body")

    def _check_error(self, start: Event, body: Event) -> None:
        headers = dict(start["headers"])
        if b"byway" not in headers:
            assert start["status"] in (405, 426), "the handler's own word"
            return
        if headers[b"byway"] == b"refused":
            assert start["status"] == 403
            return
        assert headers[b"byway"] == b"error"
        assert start["status"] in STATUSES
        text = body["body"].decode()
        assert text.endswith("\n")
        assert len(text.splitlines()) == 1
        assert len(text) < 600
        assert not any(key in text for key in KEYS)

    def check_bounds(self) -> None:
        """See that nothing has grown over its bound."""
        registry = self.app._admission.registry
        places = registry._quota
        assert len(registry) <= places._total <= TINY.sessions
        assert sum(places._held.values()) == places._total
        assert all(0 < held <= TINY.sessions_per_address for held in places._held.values())
        assert len(registry._lives.former) <= TINY.tombstones
        assert len(registry._lives.refused) <= TINY.refusals
        assert self.app._context.bodies.size <= TINY.bodies
        for one in registry.sessions:
            live, core = one.live, one.live.core
            assert len(live.carriers) <= TINY.carriers
            assert len(core.carriers) <= TINY.carriers
            assert core._reorder.size <= TINY.inbox
            assert core.inbox.queued < TINY.inbox + TINY.max_message + OVERHEAD
            assert len(core.inbox._parts) <= TINY.max_message
            parts = -(-TINY.max_message // TINY.part)
            longest = TINY.max_message + parts * (HEADER.size + OVERHEAD) + 200
            if not core.peer.acknowledges:  # what was written stays, up to the same bound
                assert core.outbox.size < 2 * TINY.outbox + longest
            else:
                assert core.outbox.kept < TINY.outbox + longest
            for carrier in core.carriers.values():
                assert len(carrier.control) <= 16

    async def settle(self) -> None:
        """Let everything run until it waits, and look."""
        await settle()
        self.check_bounds()

    async def end(self) -> None:
        """Let everybody leave and all time pass: nothing may be left behind."""
        await asyncio.gather(*self._tasks)
        self.check_bounds()
        await asyncio.sleep(2 * (TINY.window + TINY.silence) + 70)
        registry = self.app._admission.registry
        assert len(registry) == registry._quota._total == len(registry._tasks) == 0
        assert not registry._quota._held
        assert self.app._context.bodies.size == 0
        assert not self.app._context.bodies._unfinished


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.exc_info}")


def in_a_world(act: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    """Run what acts on a new world, and check that everything was as it may be."""
    complaints = _Complaints()
    logger = logging.getLogger("byway")
    level = logger.level
    logger.addHandler(complaints)
    logger.setLevel(logging.ERROR)

    async def run() -> World:
        loop = asyncio.get_running_loop()
        world = World()
        loop.set_exception_handler(lambda _, context: world.problems.append(str(context)))
        await act(world)
        await world.end()
        return world

    try:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            world = runner.run(run())
    finally:
        logger.removeHandler(complaints)
        logger.setLevel(level)
    assert not world.problems, world.problems
    assert not complaints.lines, complaints.lines
