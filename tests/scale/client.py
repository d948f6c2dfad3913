"""A client: it races to open, keeps one carrier, brings batches up, goes on after cuts.

Knows: `byway.session`, its own requests.
Must not know: processes, but for who answered.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from byway.errors import FrameError
from byway.frames import decode_all
from byway.session import Intake, Session, joined
from tests.scale.figures import HEARTBEAT, LIMITS, WINDOW
from tests.scale.life import Living, named
from tests.scale.request import Request, Stray
from tests.scale.serving import LONGEST_FRAME, check
from tests.scale.wire import Data, Failed, Hello, Kind, Opened, Over, Said, Whole
from tests.scale.world import Violation, World

LATE = (0.001, 0.3, 2.0, 5.0, 9.0, 20.0, 60.0)
"""When an opening that a proxy repeats arrives: also long after the end."""


class Client:
    """One session's other side.

    Attributes:
        owner: the process that answered first.
        ended: when, and why; None while it goes on.
        left: it ended by itself.
        patient: it repeats an opening that was answered 503; older clients do not.
    """

    def __init__(self, world: World, key: str, kind: Kind, *, abandons: bool = False) -> None:
        """Begin to open; the first attempt may be abandoned, for another one elsewhere."""
        self.world = world
        self.key = key
        self.kind: Kind = kind
        self.core = Session(LIMITS)
        self.instance: str | None = None
        self.owner: Living | None = None
        self.ended: tuple[float, str] | None = None
        self.left: bool = False
        self.patient: bool = world.rng.random() < 0.8
        self.began: float = world.now
        self.got: int = 0
        self.sent: int = 0
        self._last_carried = world.now
        self._spoke = 0.0
        self._count = 0
        self._attempts: dict[Request, None] = {}
        self._current: Request | None = None
        self._batch: Request | None = None
        self._kept: Living | None = None
        self._moves = world.rng.randint(0, 2)
        self._keeps = world.rng.choice((0.0, 0.7, 1.0))
        self._hurry = world.rng.choice((3.0, 2 * HEARTBEAT))
        self._strays = world.rng.choice((0.1, 0.3, 0.8))
        if abandons:
            self._abandon()
        else:
            for i in range(world.rng.randint(1, 3)):
                world.at(0.25 * i + world.rng.random() * 0.02, self._attempt)
        world.at(1.0, self._tick)
        if world.rng.random() < 0.25:
            world.at(world.rng.choice((0.3, 1.0)) + world.rng.random() * 10, self._leave)

    def _abandon(self) -> None:
        """Give the first attempt up while it is being opened, and go on over one connection."""
        self._keeps, self._moves = 1.0, 1

        def give_up(request: Request) -> None:
            request.tear()
            request.cut()

        self._attempt()
        for request in self._attempts:
            late = self.world.rng.choice((0.02, 3.0))
            self.world.at(self.world.rng.random() * late, partial(give_up, request))

    def _leave(self) -> None:
        """Its page is closed: nobody says so."""
        if not self.ended and not self.world.quiet:
            self.left = True
            self.end("left")

    # Requests

    def _request(self, kind: Kind, carrier_of: Request | None, poll: int, body: bytes) -> Request:
        carrier = carrier_of.carrier if carrier_of is not None else None
        if carrier is None and kind != "ack":
            self._count += 1
            ordered = kind == "stream"
            carrier = self.core.attach(self._count, ordered=ordered, batched=True)
        inbox = self.core.inbox
        number = self._current.carrier.id if self._current and self._current.carrier else 0
        number = carrier.id if carrier is not None else number
        hello = Hello(self.key, self.instance, number, kind, inbox.received, inbox.room, poll)
        kept = self._kept if self.world.rng.random() < self._keeps else None
        request = self.world.request(self.world, self, hello, body, carrier, kept)
        self._kept = request.to
        return request

    def _attempt(self) -> None:
        if self.ended or self._current and not self._current.over or len(self._attempts) > 2:
            return
        request = self._request(self.kind, None, 1 if self.kind == "poll" else 0, b"")
        self._attempts[request] = None
        if self.instance is None and self.world.chance(self._strays):
            late = self.world.rng.choice(LATE)
            self.world.at(late, partial(Stray, self.world, replace(request.hello)))

    def _up(self) -> None:
        """Bring up what there is, one batch at a time."""
        current = self._current
        if self.ended or self._batch is not None or current is None or current.carrier is None:
            return
        if not current.carrier.ended and self.core.pending(current.carrier):
            self._bring(current)

    def _bring(self, current: Request) -> None:
        assert current.carrier is not None
        body = joined(self.core.take(current.carrier, 900, beat=True))
        self._batch = self._request("ack", None, 0, body)

    # What comes back

    def answered(self, request: Request, said: Said) -> None:
        """Hear what a request brought."""
        if self.ended:
            return
        if isinstance(said, (Failed, Over)):
            request.over = True
            if isinstance(said, Failed):
                self._failed(request, said)
            if not self.ended:
                self.lost(request)
            return
        if isinstance(said, Opened) or isinstance(said, Whole) and request is not self._batch:
            if self.instance is None:
                self.instance = said.instance
                self.owner = named(self.world, said.instance.split(".")[0])
            elif said.instance != self.instance:
                self.world.statistics["other runs given up"] += 1
                self._give_up(request)
                return
        try:
            self._take(request, said)
        except FrameError as error:
            self.world.statistics[f"bad frames: {str(error)[:30]}"] += 1
            request.tear()
            if request.over:
                self.lost(request)
            return
        self._read()
        self._up()

    def _take(self, request: Request, said: Said) -> None:
        if isinstance(said, Opened):
            self.core.acknowledge(*said.numbers)
            self._use(request)
        elif isinstance(said, Data):
            assert request.carrier is not None
            self.core.feed(request.carrier.intake, decode_all(said.frames, max_frame=LONGEST_FRAME))
        elif isinstance(said, Whole):
            request.over = True
            if said.numbers is not None:
                self.core.acknowledge(*said.numbers)
            intake = request.carrier.intake if request.carrier else Intake(ordered=False)
            self.core.feed(intake, decode_all(said.frames, max_frame=LONGEST_FRAME))
            if request.hello.kind == "ack":
                if self._batch is request:
                    self._batch = None
                return
            self._use(request)
            if self._current is request and request.carrier and not request.carrier.ended:
                self._current = self._request("poll", request, request.hello.poll + 1, b"")

    def _failed(self, request: Request, said: Failed) -> None:
        opening = request.hello.instance is None
        if said.status == 410 and request.hello.instance in (None, self.instance):
            self.end(f"410 {said.why}")
        elif said.status == 403:
            self.end("403")
        elif said.status == 503 and opening and self.instance is None and not self.patient:
            self.end(f"503 {said.why}")

    def _use(self, request: Request) -> None:
        self._attempts.pop(request, None)
        self._last_carried = self.world.now
        current = self._current
        if current is None or current.over and current.carrier is not request.carrier:
            self._current = request
            assert request.carrier is not None
            self.core.select(request.carrier)
        elif current.carrier is request.carrier:
            self._current = request
        else:
            self._give_up(request)

    def _give_up(self, request: Request) -> None:
        self._attempts.pop(request, None)
        mine = self._current is not None and self._current.carrier is request.carrier
        if request.carrier is not None and not mine:
            self.core.detach(request.carrier, "given up")
        if not request.over:
            request.drop()

    def lost(self, request: Request) -> None:
        """Go on after a cut, or after a response that was an error."""
        if self.ended:
            return
        rng = self.world.rng
        if request is self._batch:
            self._batch = None
            if self._current is not None and self._current.carrier is not None:
                self.core.rewind(self._current.carrier)
            self.world.at(0.1 + rng.random() * 0.3, self._up)
            return
        self._attempts.pop(request, None)
        if self._moves:  # its connection led there; the next one may lead elsewhere, and is kept
            self._moves -= 1
            self._kept = None
        if request.carrier is not None:
            self.core.detach(request.carrier, "cut")
        if request is self._current:
            self._current = None
        self.world.at(0.05 + rng.random() * 0.5, self._attempt)

    # Messages, and time

    def _read(self) -> None:
        while (message := self.core.receive()) is not None:
            if not isinstance(message, str):
                self.end(f"closed: {message!r}")
                return
            check(self.key, message, self.got, "client")
            self.got += 1

    def say(self) -> None:
        """Send a message."""
        if not self.ended and self.core.writable and self.instance is not None:
            self.core.send(f"{self.key}/{self.sent}")
            self.sent += 1
            self._up()

    def _tick(self) -> None:
        if self.ended:
            return
        now = self.world.now
        for request in [*self._attempts, *([self._current] if self._current else [])]:
            silence = 2 * HEARTBEAT if self.instance else self._hurry
            if not request.over and now - request.heard > silence:
                self._heard_nothing()
                request.tear()
                request.cut()
        if self._batch is not None and now - self._batch.began > 2 * HEARTBEAT:
            self._heard_nothing()
            self._batch.tear()
        current = self._current
        if current is not None and not current.over:
            self._last_carried = now
            if self._batch is None and self.instance and now - self._spoke > HEARTBEAT:
                self._spoke = now
                self._bring(current)
        elif now - self._last_carried > WINDOW:
            self.end("no carrier for a window")
        elif not self._attempts:
            self._attempt()
        self.world.at(1.0, self._tick)

    def _heard_nothing(self) -> None:
        if self.instance and self.world.peaceful:
            raise Violation(f"P3: {self.key} heard nothing, though nothing was wrong")

    def end(self, why: str) -> None:
        """End, and drop all requests."""
        if self.ended:
            return
        self.ended = (self.world.now, why)
        self.world.log("client", self.key, "ends:", why)
        for request in [*self._attempts, self._current, self._batch]:
            if request is not None and not request.over:
                request.drop()
