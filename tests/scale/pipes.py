"""Connections: of clients, and links between processes.

Knows: order, delay, cuts; over pub/sub also what messages suffer, and the numbers against it.
Must not know: what is said.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from tests.scale.figures import SILENCE
from tests.scale.flaws import Flaw
from tests.scale.wire import Said
from tests.scale.world import World

if TYPE_CHECKING:
    from tests.scale.life import Living
    from tests.scale.process import Process

REMIND = 2.0
"""Seconds of silence after which a link says its last number."""


class End(Protocol):
    """One end of a connection. `process` is None where it is a client."""

    @property
    def process(self) -> Process | None: ...

    def frame(self, said: Said) -> None: ...

    def cut(self) -> None: ...


class Pipe:
    """A connection between two ends: in order, or cut."""

    def __init__(self, world: World, near: End, far: End) -> None:
        """Connect them."""
        self.world = world
        self.ends = (near, far)
        self.dead: bool = False
        self._last = [0.0, 0.0]

    def other(self, end: End) -> End:
        """Return the end at the other side."""
        return self.ends[1 - self._index(end)]

    def _index(self, end: End) -> int:
        return 0 if self.ends[0] is end else 1

    def send(self, end: End, said: Said) -> None:
        """Say something, unless it is cut."""
        if self.dead:
            return
        i = self._index(end)
        when = max(self._last[i] + 1e-6, self.world.now + self.world.delay())
        self._last[i] = when
        self.world.at(when - self.world.now, partial(self._arrive, 1 - i, said))

    def _arrive(self, i: int, said: Said) -> None:
        if not self.dead:
            self.deliver(i, said)

    def deliver(self, i: int, said: Said) -> None:
        """Hand it to an end, when that process runs."""
        end = self.ends[i]
        if end.process is None:
            end.frame(said)
        else:
            end.process.step(0, partial(end.frame, said))

    def cut(self, silent: Living | None = None) -> None:
        """Cut it. Both ends hear of it, but late where the other's host has vanished (`silent`)."""
        if self.dead:
            return
        self.dead = True
        for end in self.ends:
            vanished = silent is not None and end.process is not silent
            wait = self.world.delay() + (SILENCE if vanished else 0.0)
            if end.process is None:
                self.world.at(wait, end.cut)
            else:
                end.process.step(wait, end.cut)


class MessagePipe(Pipe):
    """A link over pub/sub: what is lost, repeated or overtaken is seen by its number, and cuts."""

    def __init__(self, world: World, near: End, far: End) -> None:
        """Connect them."""
        super().__init__(world, near, far)
        self._sent = [0, 0]
        self._got = [0, 0]

    def send(self, end: End, said: Said) -> None:
        """Say something that may not arrive, or twice."""
        if self.dead:
            return
        world, i = self.world, self._index(end)
        self._sent[i] += 1
        copies = 1
        if world.chance(0.02):
            copies = world.rng.choice((0, 2))
            world.statistics["messages lost or doubled"] += 1
        for _ in range(copies):
            when = max(self._last[i] + 1e-6, world.now + world.delay())
            if not world.chance(0.01):
                self._last[i] = when
            world.at(when - world.now, partial(self._numbered, 1 - i, self._sent[i], said))
        if not world.without(Flaw.NO_TAIL):
            world.at(REMIND, partial(self._remind, i, self._sent[i]))

    def _remind(self, i: int, number: int) -> None:
        """Say the last number where nothing followed it: nobody would miss a lost last message."""
        if self.dead or self._sent[i] != number:
            return
        if not self.world.chance(0.02):
            self.world.at(self.world.delay() + 0.6, partial(self._compare, i, number))
        self.world.at(REMIND, partial(self._remind, i, number))

    def _compare(self, i: int, number: int) -> None:
        if not self.dead and self._got[i] < number:
            self.cut()

    def _numbered(self, i: int, number: int, said: Said) -> None:
        if self.dead:
            return
        if not self.world.without(Flaw.NO_NUMBERS):
            if number <= self._got[1 - i]:
                return
            if number != self._got[1 - i] + 1:
                self.cut()
                return
        self._got[1 - i] = number
        self.deliver(i, said)
