"""The life of a process: it runs, is paused, dies; and what holds for every run of a handler.

Knows: when a process may do something, which sessions run in it.
Must not know: how it serves calls: a model of a process does that, or the product's own classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from tests.scale.figures import LIFE, LONGEST_AWAY, REFRESH
from tests.scale.world import Violation, World

NOBODY = "nobody can say whose it is"


def is_refused(key: str) -> bool:
    """Say whether the application refuses this session."""
    return key.endswith("r")


def lasts(key: str) -> bool:
    """Say whether a session goes on without a client: many are needed, and these cost little."""
    return key.startswith("b")


class Run(Protocol):
    """A session on its owner, with the run of its handler."""

    @property
    def got(self) -> int:
        """Messages that the handler got."""
        ...

    @property
    def sent(self) -> int:
        """Messages that it sent."""
        ...

    @property
    def carried(self) -> bool:
        """Whether a client is there."""
        ...

    def say(self) -> None:
        """Let the handler send a message."""


class Cuttable(Protocol):
    """A connection."""

    @property
    def dead(self) -> bool:
        """Whether it was cut."""
        ...

    def cut(self, silent: Living | None = None) -> None:
        """Cut it; nobody hears of that from a host that has vanished."""


class Living:
    """One event loop. When it is dead it does nothing; when it is paused, later.

    Attributes:
        name: what others know it by. Unlike `number` it may come twice, if a rule is missing.
        died: when; only where it is not alive, or frozen.
        vanished: its host has gone with it, so connections to it hang instead of being refused.
        frozen: it is alive, and never does anything again.
        full: it takes no more sessions now.
        refuses: it takes no links now: its backlog is full, or a firewall is wrong.
        cut_off: when it, and nobody else, did not reach the directory twice in a row.
    """

    def __init__(self, world: World, number: int, name: str) -> None:
        """Start."""
        self.world = world
        self.number: int = number
        self.name: str = name
        self.alive: bool = True
        self.paused: bool = False
        self.frozen: bool = False
        self.vanished: bool = False
        self.full: bool = False
        self.refuses: bool = False
        self.died: float = -1.0
        self.resumed: float = -1.0
        self.cut_off: float = -1.0
        self._misses = 0
        self.pipes: list[Cuttable] = []
        self._backlog: list[Callable[[], object]] = []

    @property
    def runs(self) -> Mapping[str, Run]:
        """The sessions that it owns."""
        raise NotImplementedError

    @property
    def told(self) -> float:
        """Until when it can be relied on that lost claims were told again."""
        return 1e9

    def step(self, delay: float, do: Callable[[], object]) -> None:
        """Do something here after a delay: not when dead, and when paused, after that."""
        self.world.at(delay, partial(self._do, do))

    def _do(self, do: Callable[[], object]) -> None:
        if self.paused:
            self._backlog.append(do)
        elif self.alive:
            do()

    def resume(self) -> None:
        """Go on after a pause, with all that came meanwhile."""
        self.paused = False
        self.resumed = self.world.now
        backlog, self._backlog = self._backlog, []
        for do in backlog:
            if self.alive:
                do()

    def kill(self, *, vanished: bool = False) -> None:
        """End it at once, alone or with its host."""
        self.world.log(self.name, "is killed", "with its host" if vanished else "")
        self.alive, self.vanished, self.died = False, vanished, self.world.now
        self._backlog.clear()
        for pipe in self.pipes:
            pipe.cut(self if vanished else None)

    def freeze(self) -> None:
        """Pause it for good."""
        self.frozen = self.paused = True
        self.died = self.world.now

    def missed(self, alone: bool) -> None:
        """Note that a command did not reach the directory, `alone` where others' do."""
        self._misses += alone
        if self._misses > 1:
            self.cut_off = self.world.now

    def reached(self) -> None:
        """Note that a command reached the directory."""
        self._misses = 0

    def ran(self, key: str) -> None:
        """Note that it runs the handler of a key.

        Raises:
            Violation: it has run before, and nothing excuses that.
        """
        world = self.world
        world.log(self.name, "runs the handler of", key)
        before = world.runs.setdefault(key, [])
        if before and not _excused(world, before):
            raise Violation(f"P1: the handler of {key} runs again, on {self.name}")
        before.append((self, world.now))


def named(world: World, name: str) -> Living | None:
    """Return the process of this name: the living one, where it was used twice."""
    found = [process for process in world.processes.values() if process.name == name]
    living = [process for process in found if process.alive]
    return living[-1] if living else found[-1] if found else None


def _excused(world: World, before: list[tuple[Living, float]]) -> bool:
    """Say whether a second run breaks no promise.

    Data were lost, and no earlier owner could say since that the key is its own; or all of them
    died so long ago that even their claims have ended.
    """
    unheard = all(
        not process.alive
        or process.paused
        or process.resumed > world.lost_at
        or process.cut_off > world.lost_at
        or process.told < world.lost_at
        for process, _ in before
    )
    if unheard and any(since - 1.0 < world.lost_at for _, since in before):
        return True
    outlived = LIFE - REFRESH - LONGEST_AWAY
    return all(
        (process.frozen or not process.alive) and process.died + outlived < world.now
        for process, _ in before
    )
