"""What was measured, and which targets it met.

Knows: the figures and the targets.
Must not know: how anything was measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.several.talk import Cost


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare echo over a Unix socket.

    Attributes:
        cpu: seconds of CPU of both ends for a message and its echo.
        p50: seconds from a message to its echo, the median.
    """

    cpu: float
    p50: float


@dataclass(frozen=True, slots=True)
class Round:
    """One transport in one round.

    Attributes:
        alone: a session without a backplane.
        again: another one, at another server: how much two of the same differ is the noise.
        owner: a session with a backplane, on its owner.
        relayed: a session with all its carriers on a relay.
        echo: a bare echo of asyncio over a Unix socket.
        fast_echo: the same on uvloop.
        least: on uvloop too, as often there and back as a message and its echo need: what a relay
            costs that does nothing but forward.
    """

    alone: Cost
    again: Cost
    owner: Cost
    relayed: Cost
    echo: Bare
    fast_echo: Bare
    least: Bare

    @property
    def noise(self) -> float:
        """CPU of a session to that of another of the same kind."""
        return self.again.cpu / self.alone.cpu

    @property
    def on_owner(self) -> float:
        """CPU of a session on its owner to that of one without a backplane."""
        return self.owner.cpu / self.alone.cpu

    @property
    def hop_cpu(self) -> float:
        """CPU that the hop adds to a message, in bare echoes."""
        return (self.relayed.cpu - self.owner.cpu) / self.echo.cpu

    @property
    def least_cpu(self) -> float:
        """CPU of a relay that does nothing but forward, in bare echoes."""
        return self.least.cpu / self.echo.cpu

    @property
    def hop_p50(self) -> float:
        """Time that the hop adds to a message, in bare echoes."""
        return (self.relayed.p50 - self.owner.p50) / self.echo.p50

    @property
    def push(self) -> float:
        """Messages pushed a second through a relay, to those of a session on its owner."""
        return self.relayed.push / self.owner.push


@dataclass(frozen=True, slots=True)
class Fleet:
    """Four workers beside one, one transport in one round.

    Attributes:
        one: CPU of one worker for a message, in seconds.
        four: CPU of all four.
        spread: sessions of each of the four.
        apart: CPU of four that share nothing, over a WebSocket: what it costs that each has less to
            do at a time.
    """

    one: float
    four: float
    spread: tuple[int, ...]
    apart: float | None = None

    @property
    def ratio(self) -> float:
        """CPU for a message, of four to one."""
        return self.four / self.one

    @property
    def relayed(self) -> float:
        """Share of the requests that reach another worker than the owner, as they are spread."""
        total = sum(self.spread) or 1
        return 1 - sum((one / total) ** 2 for one in self.spread)


@dataclass(frozen=True, slots=True)
class Target:
    """One of the targets.

    Attributes:
        name: what is asked for.
        bound: the most, or with `least` the least, that meets it.
        values: what each round gave.
        unit: what stands behind a value.
        least: whether the bound is the least.
    """

    name: str
    bound: float
    values: tuple[float, ...]
    unit: str = "×"
    least: bool = False

    @property
    def median(self) -> float:
        """The value that counts."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.median >= self.bound if self.least else self.median <= self.bound

    @property
    def text(self) -> str:
        """What was measured."""
        low, high = min(self.values), max(self.values)
        return f"{self.median:.2f} {self.unit} ({low:.2f} – {high:.2f})"

    @property
    def demand(self) -> str:
        """What is asked for."""
        return f"{'≥' if self.least else '≤'} {self.bound:.2f} {self.unit}"


@dataclass(slots=True)
class Result:
    """A run.

    Attributes:
        versions: of what was measured.
        rounds: by transport.
        fleets: by transport.
        memory: bytes for each idle session over a WebSocket, by number of workers.
        opening: seconds of Redis' CPU for an opening and its end, each round.
        get: the same for a GET that finds nothing, at the pace of the openings: what it costs that
            Redis sleeps in between, and is woken.
        skipped: what was not measured, and why.
    """

    versions: dict[str, str]
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    fleets: dict[str, list[Fleet]] = field(default_factory=dict)
    memory: dict[int, list[float]] = field(default_factory=dict)
    opening: list[float] = field(default_factory=list)
    get: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def targets(self) -> list[Target]:
        """Return the targets, with what was measured."""
        found = []
        for name, rounds in self.rounds.items():
            # Two of the same kind differ by this much here; nothing finer can be told.
            noise = max(abs(one.noise - 1) for one in rounds)
            owner = _of(rounds, "on_owner")
            found += [
                Target(f"`{name}`, CPU on its owner to none, within noise", 1 + noise, owner),
                Target(f"`{name}`, CPU of the hop", 1.5, _of(rounds, "hop_cpu"), "echoes"),
                Target(f"`{name}`, p50 of the hop", 1.5, _of(rounds, "hop_p50"), "echoes"),
                Target(f"`{name}`, pushed through a relay", 0.8, _of(rounds, "push"), least=True),
            ]
        for name, fleets in self.fleets.items():
            bound = 1.15 if name == "websocket" else self._predicted(name, fleets) * 1.1
            ratios = tuple(one.ratio for one in fleets)
            found.append(Target(f"`{name}`, CPU of 4 workers to 1", bound, ratios))
            apart = tuple(one.four / one.apart for one in fleets if one.apart)
            if apart:
                found.append(Target(f"`{name}`, the same to 4 that share nothing", 1.15, apart))
        if self.opening:
            values = tuple(one * 1e6 for one in self.opening)
            found.append(Target("an opening, CPU of Redis", 50, values, "µs"))
        if self.get:
            both = zip(self.opening, self.get, strict=True)
            beyond = tuple((one - other) * 1e6 for one, other in both)
            found.append(Target("an opening beyond a bare GET, CPU of Redis", 50, beyond, "µs"))
        if len(self.memory) > 1:
            most, least = max(self.memory), min(self.memory)
            pairs = zip(self.memory[most], self.memory[least], strict=True)
            grown = tuple(one / other for one, other in pairs)
            found.append(Target(f"memory a session, {most} workers to {least}", 1.1, grown))
        return found

    def _predicted(self, name: str, fleets: Sequence[Fleet]) -> float:
        """Return what the share of relayed calls lets expect, of four workers to one."""
        rounds = self.rounds.get(name)
        if not rounds:
            return 1.0
        hop = statistics.median(one.relayed.cpu / one.owner.cpu for one in rounds)
        share = statistics.median(one.relayed for one in fleets)
        return 1 + share * (hop - 1)

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            **asdict(self),
            "targets": [
                {**asdict(one), "median": one.median, "met": one.met} for one in self.targets()
            ],
        }


def _of(rounds: Sequence[Round], name: str) -> tuple[float, ...]:
    return tuple(float(getattr(one, name)) for one in rounds)
