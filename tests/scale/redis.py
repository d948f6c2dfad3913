"""Redis, as the design uses it: keys that end, scripts that run whole, and an epoch.

Knows: the scripts, and what may happen to a server and its data.
Must not know: why anybody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from tests.scale.figures import COMMAND, LEASE, LIFE, REFUSAL, SETTLE, TOMBSTONE
from tests.scale.flaws import Flaw
from tests.scale.world import World

if TYPE_CHECKING:
    from tests.scale.life import Living

T = TypeVar("T")
State: TypeAlias = Literal["live", "ended", "refused"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A claim: its owner, the count of the try that made it, and until when it stands."""

    owner: str
    count: int
    state: State
    until: float
    refused_until: float = -1.0


@dataclass(frozen=True, slots=True)
class Record:
    """A process: how often it has renewed, and whether it still asserts claims.

    Claims of it with a count below `fence` are void: it has given them up.
    """

    beat: int
    asserting: bool
    until: float
    fence: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """How long the data have been whole. A later one has a greater number."""

    number: float
    run_id: int
    age: float
    seen: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a claim came to, and in which epoch. The owner is "" while claims are not given."""

    owner: str
    state: State
    epoch: float


@dataclass(frozen=True, slots=True)
class Data:
    """All that is stored, at one moment."""

    claims: dict[str, Kept]
    records: dict[str, Record]
    epoch: Epoch | None


class Redis:
    """One server. What its clients see of it goes through connections that break.

    Attributes:
        up: it can be reached.
        stopped: it is paused: what is sent waits, and runs later.
        slow: what is sent takes long, some of it longer than a command may.
    """

    def __init__(self, world: World) -> None:
        """Start with nothing."""
        self.world = world
        self.up: bool = True
        self.stopped: bool = False
        self.slow: bool = False
        self._run_id = 1
        self._claims: dict[str, Kept] = {}
        self._records: dict[str, Record] = {}
        self._epoch: Epoch | None = None
        self._waiting: list[Callable[[], object]] = []
        self._snapshot = self._copy()
        self._replica: list[tuple[float, Data]] = []
        self._begin()

    # Connections

    def ask(
        self, process: Living, script: Callable[[], T], done: Callable[[T | None], object]
    ) -> None:
        """Run a script; `done` gets what it returned, or None where no response came in time.

        It may have run all the same, or run later.
        """
        world = self.world
        over = False

        def finish(answer: T | None) -> None:
            nonlocal over
            if not over:
                over = True
                done(answer)

        def execute() -> None:
            if self.stopped:
                self._waiting.append(execute)
            elif not self.up or world.chance(0.02):
                process.missed(self.up)
                process.step(0.05, partial(finish, None))
            else:
                process.reached()
                answer = script()
                if world.chance(0.03):
                    world.statistics["responses of the directory lost"] += 1
                    process.step(0.5, partial(finish, None))
                else:
                    slow = world.rng.random() * 1.5 if self.slow or world.chance(0.05) else 0.0
                    process.step(slow + world.delay(), partial(finish, answer))

        world.at(world.rng.random() * 2.5 if self.slow else world.delay(), execute)
        process.step(COMMAND, partial(finish, None))

    # The scripts, each atomic

    def _begin(self) -> Epoch:
        """Do what each script does first: find the epoch, and count for how long it has served."""
        now, epoch, world = self.world.now, self._epoch, self.world
        restarted = epoch is not None and epoch.run_id != self._run_id
        if epoch is None or restarted and not world.without(Flaw.NO_RUN_ID):
            # At the very first start the processes wait with theirs, so it counts as settled.
            age = 0.0 if now else SETTLE
            number = max(now + 1.0, epoch.number + 1.0 if epoch else 0.0)
            epoch = Epoch(number, self._run_id, age, now)
        gap, age = now - epoch.seen, epoch.age
        asserting = not world.without(Flaw.SETTLED_BY_TIME) and any(
            record.asserting and record.until > now for record in self._records.values()
        )
        if world.without(Flaw.CLOCK_SETTLES):
            age += gap
        elif gap > SETTLE:
            age = 0.0  # it was away: leases have run out, and nobody else has been heard since
        elif not asserting:
            age += min(gap, 1.0)
        self._epoch = replace(epoch, age=age, seen=now)
        return self._epoch

    def claim(self, key: str, name: str, count: int) -> Verdict:
        """Say who may run the handler: who asked first."""
        epoch, record = self._begin(), self._record(name)
        if epoch.age < SETTLE and not self.world.without(Flaw.NO_SETTLING):
            return Verdict("", "live", epoch.number)
        if not self.world.without(Flaw.NO_FENCE) and (record is None or count < record.fence):
            return Verdict("", "live", epoch.number)
        found, now = self._claim(key), self.world.now
        mine = Kept(name, count, "live", now + LIFE)
        if self.world.without(Flaw.TAKEOVER) and found is not None and found.state == "live":
            found = found if self._record(found.owner) is not None else None
        if found is None:
            self._put(key, mine)
            return Verdict(name, "live", epoch.number)
        if found.state == "refused" and found.refused_until < now:
            return Verdict(found.owner, "ended", epoch.number)
        if found.owner == name and found.state == "live":
            if self.world.without(Flaw.NO_ANSWER):
                return Verdict("somebody", "live", epoch.number)
            if not self.world.without(Flaw.NO_COUNT):
                self._put(key, mine)
        return Verdict(found.owner, found.state, epoch.number)

    def release(self, key: str, name: str, count: int) -> bool:
        """Give back a claim that was never used, if it is still that of this try."""
        found = self._claim(key)
        if found is None or found.owner != name or found.state != "live":
            return True
        if found.count == count or self.world.without(Flaw.NO_COUNT):
            self._remember()
            del self._claims[key]
        return True

    def ended(self, key: str, name: str, state: State) -> float:
        """Write the end of a session; return the number of the epoch in which it stands."""
        epoch = self._begin()
        self._assert(key, name, state)
        return epoch.number

    def _assert(self, key: str, name: str, state: State, count: int = 0) -> None:
        found, now = self._claim(key), self.world.now
        if found is not None and found.owner != name:
            self.world.statistics["conflicts seen"] += 1
        elif state != "live":
            named = now + REFUSAL if state == "refused" else -1.0
            if found is None or found.state == "live":
                self._put(key, Kept(name, 0, state, now + TOMBSTONE, named))
        elif found is None or found.state == "live":
            self._put(key, Kept(name, count, "live", now + LIFE))

    def renew(
        self,
        name: str,
        beat: int,
        fence: int,
        known: float | None,
        chunk: dict[str, tuple[State, int]],
        more: bool,
    ) -> tuple[float, bool]:
        """Renew a lease, assert some claims; return the epoch's number, and whether it is settled.

        Who does not know this epoch has asserted nothing in it yet, whatever it says of itself.
        """
        epoch = self._begin()
        if not self.world.without(Flaw.NO_ASSERTION):
            for key, (state, count) in chunk.items():
                self._assert(key, name, state, count)
        lease = LEASE if not self.world.without(Flaw.SHORT_LEASE) else 3.0
        asserting = more or known != epoch.number
        before = self._record(name)
        if before is not None:  # this renewal may come late itself
            beat, fence = max(beat, before.beat), max(fence, before.fence)
        self._records[name] = Record(beat, asserting, self.world.now + lease, fence)
        return epoch.number, epoch.age >= SETTLE

    def leave(self, name: str) -> bool:
        """Remove the record of a process that leaves in order."""
        self._records.pop(name, None)
        return True

    def look(self, owner: str, me: str) -> tuple[Record | None, Record | None, float]:
        """Return the record of an owner, my own, and the epoch's age."""
        epoch = self._begin()
        return self._record(owner), self._record(me), epoch.age

    # Its data

    def _claim(self, key: str) -> Kept | None:
        found = self._claims.get(key)
        return found if found is not None and found.until > self.world.now else None

    def _record(self, name: str) -> Record | None:
        found = self._records.get(name)
        return found if found is not None and found.until > self.world.now else None

    def _put(self, key: str, kept: Kept) -> None:
        self._remember()
        self._claims[key] = kept

    def _remember(self) -> None:
        self._replica.append((self.world.now, self._copy()))
        del self._replica[:-20]

    def _copy(self) -> Data:
        return Data(dict(self._claims), dict(self._records), self._epoch)

    def _load(self, data: Data) -> None:
        self._claims, self._records = dict(data.claims), dict(data.records)
        self._epoch = data.epoch
        self.world.lost_at = self.world.now

    # What happens to it

    def save(self) -> None:
        """Write a snapshot."""
        self._snapshot = self._copy()

    def restart(self, *, snapshot: bool) -> None:
        """Start again with all data, or with those of the last snapshot only."""
        self._run_id += 1
        if snapshot:
            self._load(self._snapshot)

    def empty(self) -> None:
        """Lose all data, while it goes on."""
        self._load(Data({}, {}, None))

    def fail_over(self) -> None:
        """Go on as a replica that has not got the last writes."""
        self._run_id += 1
        since = self.world.now - 0.3
        later = [data for when, data in self._replica if when > since]
        if later:
            self._load(later[0])

    def evict(self) -> None:
        """Drop some of what it keeps, silently, as a full one with another policy does."""
        for key in list(self._claims):
            if self.world.rng.random() < 0.3:
                del self._claims[key]

    def go_on(self) -> None:
        """Run what was sent while it was stopped."""
        self.stopped = False
        waiting, self._waiting = self._waiting, []
        self.world.rng.shuffle(waiting)  # it came over many connections
        for execute in waiting:
            execute()
