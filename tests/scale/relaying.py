"""Both ends of a relayed call.

Knows: links, and what to answer where an owner cannot be reached.
Must not know: sessions, claims.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from tests.scale.figures import TAKEN
from tests.scale.flaws import Flaw
from tests.scale.life import named
from tests.scale.pipes import MessagePipe, Pipe
from tests.scale.serving import Call
from tests.scale.wire import Asked, Failed, Left, Opened, Over, Said, Taken

if TYPE_CHECKING:
    from tests.scale.process import Process


class Relay:
    """What a process does with calls for others."""

    def __init__(self, process: Process) -> None:
        """Belong to it."""
        self.process = process

    def hand_over(self, call: Call, owner: str) -> None:
        """Hand a call to its owner, or say why that cannot be."""
        world, process = self.process.world, self.process
        world.statistics["relayed"] += 1
        found = named(world, owner)
        target = cast("Process | None", found)
        fail = partial(self._fail, call, owner)
        if target is None or not target.alive:
            vanished = target is not None and target.vanished
            process.step(1.0 if vanished else 0.002, partial(fail, not vanished))
        elif world.without(Flaw.SHORT_LEASE):
            self._ask_first(call, owner, target, fail)
        elif target.refuses or world.chance(0.01) or not process.directory.door(owner):
            process.step(0.002, partial(fail, True))
        else:
            self._link(call, target, fail)

    def _ask_first(
        self, call: Call, owner: str, target: Process, fail: Callable[[bool], object]
    ) -> None:
        def told(gone: bool, why: str) -> None:
            if gone:
                call.reply(Failed(410, why))
            else:
                self._link(call, target, fail)

        self.process.directory.gone(owner, False, told)

    def _fail(self, call: Call, owner: str, refused: bool) -> None:
        def told(gone: bool, why: str) -> None:
            call.reply(Failed(410 if gone else 503, why))

        if not call.done:
            self.process.directory.gone(owner, refused, told)

    def _link(self, call: Call, target: Process, fail: Callable[[bool], object]) -> None:
        world = self.process.world
        near, far = RelayEnd(self.process, call, target.name, fail), OwnerEnd(target)
        kind = MessagePipe if world.setting.links == "pubsub" else Pipe
        pipe = kind(world, near, far)
        near.pipe = far.pipe = pipe
        self.process.pipes.append(pipe)
        target.pipes.append(pipe)
        call.leave = near.left
        pipe.send(near, Asked(call.hello, call.body))
        if not world.without(Flaw.NO_TAKEN):
            self.process.step(TAKEN, near.not_taken)


class RelayEnd:
    """The relay's end of a link."""

    def __init__(
        self, process: Process, call: Call, owner: str, fail: Callable[[bool], object]
    ) -> None:
        """Wait for the owner."""
        self.process: Process | None = process
        self.pipe: Pipe
        self._call = call
        self._owner = owner
        self._fail = fail
        self._taken = False
        self._begun = False
        self._given_up = False

    def frame(self, said: Said) -> None:
        """Hand on what the owner says."""
        self._taken = True
        if self.process is not None:
            self.process.directory.heard(self._owner)
        if isinstance(said, (Taken, Asked, Left)):
            return
        self._begun = self._begun or isinstance(said, Opened)
        self._call.reply(said)

    def not_taken(self) -> None:
        """Give it up: the owner does not read."""
        if not self._taken and not self.pipe.dead:
            self._given_up = True
            self.pipe.cut()
            self._fail(False)

    def left(self) -> None:
        """Tell the owner that the client has left."""
        self.pipe.send(self, Left())

    def cut(self) -> None:
        """Answer what is still unanswered."""
        if not self._given_up:
            self._call.reply(Over() if self._begun else Failed(503, "the link was cut"))


class OwnerEnd:
    """The owner's end."""

    def __init__(self, process: Process) -> None:
        """Wait for the call."""
        self.process: Process | None = process
        self.pipe: Pipe
        self._call: Call | None = None

    def frame(self, said: Said) -> None:
        """Serve a call as if it had come here; it is never relayed on."""
        if isinstance(said, Asked) and self._call is None and self.process is not None:
            self.pipe.send(self, Taken())
            answer = partial(self.pipe.send, self)
            self._call = Call(self.process, answer, said.hello, said.body, relayed=True)
            self.process.direct(self._call)
        elif isinstance(said, Left) and self._call is not None:
            self._call.gone()

    def cut(self) -> None:
        """Hear that the relay has gone."""
        if self._call is not None:
            self._call.gone()
