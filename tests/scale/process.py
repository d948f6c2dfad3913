"""A process: what it owns, what it opens, what it hands on.

Knows: owned sessions, openings and who may run a handler.
Must not know: how the directory or a link works.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from byway.session import Carrier
from tests.scale.directory import Decided, Directory, Opening
from tests.scale.figures import (
    HEARTBEAT,
    PATIENCE,
    REFUSAL,
    REMEMBERED,
    WINDOW,
)
from tests.scale.flaws import Flaw
from tests.scale.life import NOBODY, Living, Run, is_refused, lasts
from tests.scale.pipes import Pipe
from tests.scale.relaying import Relay
from tests.scale.serving import Call, Owned
from tests.scale.wire import Asked, Failed, Said
from tests.scale.world import World


class Process(Living):
    """A process of the model."""

    def __init__(self, world: World, number: int, name: str) -> None:
        """Start."""
        super().__init__(world, number, name)
        self.owned: dict[str, Owned] = {}
        self.polls: dict[Carrier, int] = {}
        self.directory: Directory
        self.relay = Relay(self)
        self._tombs: OrderedDict[str, None] = OrderedDict()
        self._refusals: dict[str, float] = {}
        self._openings: dict[str, Opening] = {}

    @property
    def runs(self) -> Mapping[str, Run]:
        """The sessions that it owns."""
        return self.owned

    @property
    def told(self) -> float:
        """Until when it can be relied on that lost claims were told again."""
        return self.directory.told

    def start(self, directory: Directory) -> None:
        """Take part."""
        self.directory = directory
        directory.start()
        self._look_round()

    def _look_round(self) -> None:
        """Look after windows and heartbeats."""
        for session in list(self.owned.values()):
            if session.core.carriers or lasts(session.key):
                session.last_carried = self.world.now
            elif self.world.now - session.last_carried > WINDOW:
                session.end("no carrier for a window")
                continue
            for call in list(session.calls.values()):
                call.beat()
            session.changed()
        self.pipes = [pipe for pipe in self.pipes if not pipe.dead]
        self.step(HEARTBEAT / 2, self._look_round)

    # Calls

    def accept(self, pipe: Pipe, end: ServerEnd, asked: Asked) -> Call:
        """Take a call of a client."""
        call = Call(self, partial(pipe.send, end), asked.hello, asked.body, relayed=False)
        owner = asked.hello.owner
        if owner == self.name or owner is None and self._knows(asked.hello.key):
            self.direct(call)
        elif owner is not None:
            self.relay.hand_over(call, owner)
        else:
            self._open(call)
        return call

    def _knows(self, key: str) -> bool:
        refused = self._refusals.get(key, -1.0) > self.world.now
        return key in self.owned or key in self._tombs or refused

    def direct(self, call: Call) -> None:
        """Serve a call that came to its owner: by itself, or over a link."""
        key, session, without = call.hello.key, self.owned.get(call.hello.key), self.world.without
        if session is not None:
            if call.hello.instance in (None, session.instance):
                call.serve(session)
            else:
                call.reply(Failed(410, "another run"))
        elif self._refusals.get(key, -1.0) > self.world.now:
            call.reply(Failed(403, "refused"))
        elif call.hello.instance or key in self._tombs or self.directory.has_ended(key):
            call.reply(Failed(410, "not here any more"))
        elif without(Flaw.NO_HOLDING):
            call.reply(Failed(410, "not here"))
        elif key in self._openings:
            self._openings[key].calls.append(call)  # its own claim is on its way
        elif without(Flaw.RELAYED_OPENS):
            self._run(key, [call])
        else:
            call.reply(Failed(503, "not here yet"))

    # Openings

    def _open(self, call: Call) -> None:
        key = call.hello.key
        if key in self._openings:
            self._openings[key].calls.append(call)
            return
        opening = self._openings[key] = Opening(key, self.world.now + PATIENCE, [call])
        self.directory.claim(opening, partial(self._decided, opening))

    def _decided(self, opening: Opening, decided: Decided) -> None:
        """Do what the claim came to. Nothing waits between it and the handler."""
        key = opening.key
        del self._openings[key]
        waiting = [call for call in opening.calls if not call.done]
        if not decided.owner:
            self._fail(waiting, 503, NOBODY)
        elif decided.state == "ended" or decided.state == "refused" and decided.owner == self.name:
            for call in waiting:
                if self._refusals.get(key, -1.0) > self.world.now:
                    call.reply(Failed(403, "refused"))
                else:
                    call.reply(Failed(410, "this session has ended"))
        elif decided.owner != self.name:
            for call in waiting:
                if call.relayed:
                    call.reply(Failed(503, "not here"))
                else:
                    self.relay.hand_over(call, decided.owner)
        elif self._knows(key) or self.directory.has_ended(key):
            for call in waiting:
                self.direct(call)
        elif self.full or all(call.relayed for call in waiting):
            if not self.world.without(Flaw.NO_UNUSED):
                self.directory.release(key)
            self._fail(waiting, 503, "no room" if self.full else "not here")
        else:
            self._run(key, waiting)

    def _fail(self, calls: list[Call], status: int, why: str) -> None:
        for call in calls:
            call.reply(Failed(status, why))

    def _run(self, key: str, calls: list[Call]) -> None:
        """Run the handler.

        Raises:
            Violation: it has run, and nothing excuses that.
        """
        world = self.world
        self.ran(key)
        if is_refused(key):
            self._refusals[key] = world.now + REFUSAL
            self.directory.ended(key, refused=True)
            self._fail(calls, 403, "refused")
            return
        session = self.owned[key] = Owned(self, key, f"{self.name}.{world.rng.random()}")
        self.directory.opened(key)
        for call in calls:
            call.serve(session)

    def bury(self, session: Owned) -> None:
        """Remember that a session has ended, for a while."""
        self.owned.pop(session.key, None)
        self._tombs[session.key] = None
        while len(self._tombs) > (REMEMBERED if not self.world.without(Flaw.NO_TOMB) else 0):
            self._tombs.popitem(last=False)
        self.directory.ended(session.key, refused=False)


class ServerEnd:
    """A process's end of a client's connection."""

    def __init__(self, process: Process) -> None:
        """Wait for a request."""
        self.process: Process | None = process
        self.pipe: Pipe
        self._call: Call | None = None

    def frame(self, said: Said) -> None:
        """Take it."""
        if isinstance(said, Asked) and self.process is not None:
            self._call = self.process.accept(self.pipe, self, said)

    def cut(self) -> None:
        """Hear that the client has gone."""
        if self._call is not None:
            self._call.gone()
