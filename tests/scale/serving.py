"""A session on its owner, and the calls that carry it: what the transports do, over the real core.

Knows: `byway.session`, carriers, polls and batches.
Must not know: whether a call came by itself or over a link, who may open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from byway.errors import FrameError
from byway.frames import decode_all
from byway.session import Carrier, Intake, Output, Session, joined
from tests.scale.figures import HEARTBEAT, LIMITS
from tests.scale.wire import Data, Failed, Hello, Opened, Over, Reply, Whole
from tests.scale.world import Violation

if TYPE_CHECKING:
    from tests.scale.process import Process

LONGEST_FRAME = 65536


class Owned:
    """A session, and the run of its handler, which counts what it gets and what it sends."""

    def __init__(self, process: Process, key: str, instance: str) -> None:
        """Begin to run."""
        self.process = process
        self.key = key
        self.instance = instance
        self.core = Session(LIMITS)
        self.calls: dict[int, Call] = {}
        self.last_carried: float = process.world.now
        self.got: int = 0
        self.sent: int = 0
        self.over: bool = False

    @property
    def carried(self) -> bool:
        """Whether a client is there."""
        return bool(self.calls)

    def changed(self) -> None:
        """Write what is to be written, and let the handler read."""
        for call in list(self.calls.values()):
            call.write()
        if self.calls:
            self.last_carried = self.process.world.now
        while (message := self.core.receive()) is not None:
            if not isinstance(message, str):
                self.end("closed")
                return
            check(self.key, message, self.got, "handler")
            self.got += 1
        if self.core.finished:
            self.end("finished")

    def say(self) -> None:
        """Let the handler send a message."""
        if not self.over and self.core.writable:
            self.core.send(f"{self.key}/{self.sent}")
            self.sent += 1
            self.changed()

    def end(self, why: str) -> None:
        """End, and remember it."""
        if self.over:
            return
        self.over = True
        self.process.world.log(self.process.name, "session", self.key, "is over:", why)
        self.core.abort(1006, why)
        for call in list(self.calls.values()):
            call.reply(Over())
        self.calls.clear()
        self.process.bury(self)


def check(key: str, message: str, expected: int, who: str) -> None:
    """Hold a message against what has to come next.

    Raises:
        Violation: it is of another session, or not the next one.
    """
    its_key, number = message.split("/")
    if its_key != key:
        raise Violation(f"P5: the {who} of {key} got {message}")
    if int(number) != expected:
        raise Violation(f"P2: the {who} of {key} got {number} after {expected}")


class Call:
    """A call at the process that serves it: its own, or a relayed one. The same for both.

    Attributes:
        done: it was answered to its end, or nobody waits for it.
        leave: called when its client has left, where a relay has to be told.
    """

    def __init__(
        self,
        process: Process,
        answer: Callable[[Reply], object],
        hello: Hello,
        body: bytes,
        *,
        relayed: bool,
    ) -> None:
        """Arrive."""
        self.process = process
        self.hello = hello
        self.body = body
        self.relayed: bool = relayed
        self.done: bool = False
        self.leave: Callable[[], object] | None = None
        self._answer = answer
        self._session: Owned | None = None
        self._carrier: Carrier | None = None

    def reply(self, said: Reply) -> None:
        """Say something to whoever called."""
        if not self.done:
            self.done = isinstance(said, (Over, Failed, Whole))
            self._answer(said)

    def serve(self, session: Owned) -> None:
        """Serve it, as it was found to belong to this session."""
        self._session = session
        try:
            session.core.acknowledge(self.hello.received, self.hello.room)
            if self.hello.kind == "ack":
                session.core.feed(Intake(ordered=False), self._frames())
                self.reply(Whole(session.instance, session.core.announce(None), b""))
            elif self.hello.kind == "stream":
                self._stream(session)
            else:
                self._poll(session)
        except FrameError as error:
            self.reply(Failed(error.status, str(error)))
        session.changed()

    def _frames(self) -> list[tuple[int, bytes]]:
        return decode_all(self.body, max_frame=LONGEST_FRAME)

    def _stream(self, session: Owned) -> None:
        core, hello = session.core, self.hello
        old = session.calls.pop(hello.carrier, None)
        if old is not None and old._carrier is not None:
            core.detach(old._carrier, "repeated")
            old.reply(Over())
        self._carrier = core.attach(hello.carrier, ordered=True, received=hello.received)
        session.calls[hello.carrier] = self
        self.reply(Opened(session.instance, core.announce(self._carrier)))
        core.feed(Intake(ordered=False), self._frames())

    def _poll(self, session: Owned) -> None:
        core, hello = session.core, self.hello
        old = session.calls.get(hello.carrier)
        if old is not None:
            if old.hello.kind != "poll" or hello.poll <= old.hello.poll:
                self.reply(Whole(session.instance, None, b""))
                return
            self._carrier = old._carrier
            old.reply(Whole(session.instance, None, b""))
        else:
            self._carrier = core.carriers.get(hello.carrier)
        if self._carrier is None:
            self._carrier = core.attach(
                hello.carrier, ordered=False, batched=True, received=hello.received
            )
        core.rewind(self._carrier, hello.received)
        session.calls[hello.carrier] = self
        self.process.step(HEARTBEAT, self._beat)
        core.feed(Intake(ordered=False), self._frames())
        if hello.poll == 1:
            self._answer_poll(core.take(self._carrier, 2000))

    def _beat(self) -> None:
        session, carrier = self._session, self._carrier
        if self.done or session is None or session.over or carrier is None or carrier.ended:
            return
        self._answer_poll(session.core.take(carrier, 2000, beat=True))

    def _answer_poll(self, frames: list[Output]) -> None:
        session, carrier = self._session, self._carrier
        if self.done or session is None or carrier is None:
            return
        session.calls.pop(carrier.id, None)
        self.reply(Whole(session.instance, session.core.announce(carrier), joined(frames)))
        session.last_carried = self.process.world.now
        polls = self.process.polls
        polls[carrier] = self.hello.poll

        def stopped() -> None:
            if polls.get(carrier) == self.hello.poll and carrier.id not in session.calls:
                session.core.detach(carrier, "the client stopped polling")

        self.process.step(2 * HEARTBEAT, stopped)

    def write(self) -> None:
        """Write what is pending on its carrier."""
        session, carrier = self._session, self._carrier
        if session is None or carrier is None:
            return
        if carrier.ended:
            session.calls.pop(carrier.id, None)
            self.reply(Over())
        elif self.hello.kind == "poll":
            if session.core.pending(carrier):
                self._answer_poll(session.core.take(carrier, 2000))
        else:
            while session.core.pending(carrier):
                self.reply(Data(joined(session.core.take(carrier, 700))))

    def beat(self) -> None:
        """Say something on a stream that may have been silent."""
        if self.hello.kind == "stream" and self._session is not None and self._carrier is not None:
            frames = self._session.core.take(self._carrier, 2000, beat=True)
            self.reply(Data(joined(frames)))

    def gone(self) -> None:
        """The client, or the relay, has gone."""
        self.done = True
        if self.leave is not None:
            self.leave()
        session, carrier = self._session, self._carrier
        if session is not None and carrier is not None and session.calls.get(carrier.id) is self:
            del session.calls[carrier.id]
            if self.hello.kind == "stream":
                session.core.detach(carrier, "the client left")
