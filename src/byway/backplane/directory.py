"""The directory, as one process sees it: what it holds there, and what it still has to tell.

Knows: the scripts, what to ask them, and what their responses mean. Time comes in as seconds.
Must not know: connections, tasks, links.

It makes each `Ask` and takes each response; in between anything may happen to them, and a response
that did not come is said, too. What this class promises:

- A claim is this process' own only by a response of the newest epoch that it knows. What a claim
  of an older one says is asked again.
- A claim whose response did not come is given back, with its own count, until that is answered.
- Claims and ends are asserted until that is answered in the epoch that is known, at most `CHUNK` at
  a time; only chunks without a response are repeated.
- Nothing grows without bound: `full` says when no more may be claimed, the oldest ends go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from byway.backplane.asks import Ask, End, Ends, Renewal, Renewed, Response, Seen
from byway.backplane.base import Claim
from byway.backplane.scripts import CLAIM, ENDED, LOOK, RELEASE, RENEW, SETTLE
from byway.limits import ServerLimits

LEASE: Final = 30.0
"""Seconds for which a process counts as living after a renewal; as long as it may be paused."""

RENEW_EACH: Final = 2.5
"""Seconds between two renewals."""

REFRESH: Final = 200.0
"""Seconds after which a claim is asserted again, which renews its life in the directory. Its life
is that and `ServerLimits.tombstone_age`, so it outlives its owner by as much as an end."""

CHUNK: Final = 500
"""Most claims and ends in one script: more would hold Redis for long."""


@dataclass(slots=True)
class Held:
    """A claim of this process: its count, the epoch in which it is known to stand, since when, and
    whether the directory was ever told of it."""

    count: int
    epoch: int
    at: float
    told: bool = True


class Directory:
    """What one process has in the directory.

    Attributes:
        epoch: the newest that is known; 0 before the first response.
        age: its age in ms, when that was last heard.
        away: no response came to the last thing that was asked.
        beat: the last renewal.
        conflicts: claims that turned out to be another's.
        epochs: new epochs seen, the first not counted.
    """

    def __init__(self, name: str, namespace: str, limits: ServerLimits, started: str) -> None:
        """Begin with nothing.

        Args:
            name: of this process.
            namespace: of all processes that share their sessions.
            limits: `sessions`, `tombstones`, `tombstone_age` and `refusal_age` bound it.
            started: tells this process from another one of the same name.
        """
        self.name = name
        self.epoch: int = 0
        self.age: int = 0
        self.away: bool = True
        self.beat: int = 0
        self.conflicts: int = 0
        self.epochs: int = 0
        self._prefix = f"byway:{{{namespace}}}:"
        self._clock = [self._prefix + "epoch", self._prefix + "asserting"]
        self._limits = limits
        self._started = started
        self._life = round((limits.tombstone_age + REFRESH) * 1000)
        self._count = 0
        self._fence = 1  # claims with a smaller count may still be on a lost connection
        self._asking = 0
        self._held: OrderedDict[bytes, Held] = OrderedDict()  # the first is due first
        self._old = 0  # of these, how many stand in an older epoch
        self._untold: OrderedDict[bytes, End] = OrderedDict()
        self._told: OrderedDict[bytes, End] = OrderedDict()
        self._releases: OrderedDict[tuple[bytes, int], None] = OrderedDict()

    # What is so now

    @property
    def settled(self) -> bool:
        """Whether claims are given."""
        return not self.away and self.age >= SETTLE

    @property
    def full(self) -> bool:
        """Whether no more may be claimed: twice as many as there may be sessions wait or stand."""
        return len(self._held) + len(self._releases) + self._asking >= 2 * self._limits.sessions

    @property
    def holding(self) -> int:
        """The number of claims of this process."""
        return len(self._held)

    @property
    def asserting(self) -> int:
        """The number of claims and ends that are not known to stand in this epoch."""
        return self._old + len(self._untold)

    @property
    def shared_keys(self) -> tuple[str, str]:
        """Where the names of all processes are kept, and their secret."""
        return self._prefix + "names", self._prefix + "secret"

    @property
    def untold(self) -> list[bytes]:
        """The ends that are not known to stand in this epoch."""
        return list(self._untold)

    def holds(self, digest: bytes) -> bool:
        """Say whether a claim of this process stands."""
        return digest in self._held

    def due(self, now: float) -> bool:
        """Say whether something is to be asserted."""
        if self._untold:
            return True
        first = next(iter(self._held.values()), None)
        return first is not None and self._is_due(first, now)

    def lost(self) -> None:
        """Note that no response came: what is on its way may be done late, or not at all."""
        self.away = True
        self._fence = self._count + 1

    # Claims

    def begin(self) -> int:
        """Return the count of a claim that is to be asked."""
        self._asking += 1
        self._count += 1
        return self._count

    def ask_claim(self, digest: bytes, count: int) -> Ask:
        """Ask for a claim."""
        keys = [*self._clock, self._node(self.name), self._key(digest)]
        return Ask(CLAIM, keys, [self.epoch, self.name, count, self._life])

    def claimed(self, digest: bytes, count: int, response: Response, now: float) -> Claim | None:
        """Take the response to a claim; None where it has to be asked again, later."""
        self._asking -= 1
        epoch, _, value = response[0], response[1], _text(response[2])
        self._heard(response)
        if value in ("", "v"):
            return None
        if epoch < self.epoch:
            self._giving_back(digest, count)
            return None
        if value[0] != "o":
            return Claim(value[1:9], ended=True)  # e, or rNAME
        if (owner := value[1:9]) == self.name:
            self._take_off(digest)
            self._held[digest] = Held(count, epoch, now)
        return Claim(owner)

    def unanswered(self, digest: bytes, count: int) -> None:
        """Note that no response to a claim came, or nobody wants it: it is given back."""
        self._asking -= 1
        self._giving_back(digest, count)

    def take_unasked(self, digest: bytes) -> Claim:
        """Hold a claim without asking. It is asserted when the directory is there."""
        if digest not in self._held:
            self._count += 1
            self._held[digest] = Held(self._count, -1, 0.0, told=False)
            self._held.move_to_end(digest, last=False)
            self._old += 1
        return Claim(self.name)

    def release(self, digest: bytes) -> None:
        """Give back a claim that became no session."""
        if (held := self._take_off(digest)) is not None and held.told:
            self._giving_back(digest, held.count)

    def ended(self, digest: bytes, now: float, *, refused: bool = False) -> None:
        """Note that a claimed session has ended."""
        self._take_off(digest)
        limits = self._limits
        self._told.pop(digest, None)
        self._untold[digest] = End(
            now + limits.tombstone_age, now + limits.refusal_age if refused else 0.0
        )
        while len(self._untold) + len(self._told) > limits.tombstones:
            (self._told or self._untold).popitem(last=False)

    # What has to be told

    def ask_ends(self, digests: Sequence[bytes], now: float) -> Ends | None:
        """Tell ends before the next renewal does; None if there are none (any more).

        Args:
            digests: at most `CHUNK`.
            now: the time.
        """
        told = [(one, end) for one in digests if (end := self._untold.get(one)) is not None]
        if not told:
            return None
        keys = [*self._clock]
        args: list[str | int] = [self.epoch, self.name]
        for digest, end in told:
            keys.append(self._key(digest))
            args += self._left(end, now)
        return Ends(Ask(ENDED, keys, args), tuple(digest for digest, _ in told))

    def ends_told(self, ends: Ends, response: Response) -> None:
        """Take the response to ends."""
        self._heard(response)
        if response[0] != self.epoch:
            return
        for place, digest in enumerate(ends.digests, 1):
            if (end := self._untold.pop(digest, None)) is not None:
                if place in response[2]:
                    self.conflicts += 1
                else:
                    self._told[digest] = end

    def next_releases(self, most: int = CHUNK) -> list[tuple[bytes, int]]:
        """Return claims that are to be given back, at most so many."""
        return [one for one, _ in zip(self._releases, range(most), strict=False)]

    def ask_release(self, digest: bytes, count: int) -> Ask:
        """Give a claim back."""
        keys = [*self._clock, self._key(digest)]
        return Ask(RELEASE, keys, [self.epoch, self.name, count])

    def released(self, digest: bytes, count: int, response: Response) -> None:
        """Take the response to a release."""
        self._heard(response)
        self._releases.pop((digest, count), None)

    def renewal(self, now: float, record: str, secret: bytes = b"") -> Renewal:
        """Renew the lease, with the next chunk of what is to be asserted."""
        self._forget_old_ends(now)
        claims: list[tuple[bytes, int]] = []
        for digest, held in self._held.items():
            if len(claims) == CHUNK or not self._is_due(held, now):
                break
            held.told = True
            claims.append((digest, held.count))
        rest = CHUNK - len(claims)
        ends = [one for one, _ in zip(self._untold.items(), range(rest), strict=False)]
        left = max(self._old - len(claims), 0) + len(self._untold) - len(ends)
        told: list[str | int] = []
        for _, count in claims:
            told += [count, self._life, 0]
        for _, end in ends:
            told += ["e", *self._left(end, now)]
        keys = [*self._renewed_keys, *(self._key(digest) for digest, _ in (*claims, *ends))]
        own = len(self._held) + len(self._untold) + len(self._told)
        ask = self._renewing(round(LEASE * 1000), record, secret, own, left, told)
        return Renewal(Ask(RENEW, keys, ask), tuple(claims), tuple(ends))

    def renewed(self, renewal: Renewal, response: Response, now: float) -> Renewed:
        """Take the response to a renewal."""
        _, _, twin, secret, names, others = response
        self._heard(response)
        self.away = False
        lost: list[bytes] = []
        if not twin and response[0] == self.epoch:
            foreign = set(others)
            for place, (digest, count) in enumerate(renewal.claims, 1):
                held = self._held.get(digest)
                if held is None or held.count != count:
                    continue
                self._take_off(digest)
                if place in foreign:
                    lost.append(digest)
                else:
                    self._held[digest] = Held(count, self.epoch, now)
            for place, (digest, end) in enumerate(renewal.ends, len(renewal.claims) + 1):
                if self._untold.get(digest) is end:
                    del self._untold[digest]
                    if place not in foreign:
                        self._told[digest] = end
        self.conflicts += len(lost)
        return Renewed(secret, frozenset(map(_text, names)), bool(twin), tuple(lost))

    def ask_leave(self) -> Ask:
        """Delete the record: this process ends in order."""
        return Ask(RENEW, self._renewed_keys, self._renewing(0, "", b"", 0, 0, []))

    def ask_look(self, owner: str) -> Ask:
        """Look another process up."""
        return Ask(LOOK, [*self._clock, self._node(owner), self._node(self.name)], [self.epoch])

    def looked(self, response: Response) -> Seen:
        """Take the response to a look."""
        self._heard(response)
        return Seen(response[2], response[3], response[4], response[1])

    # Within

    def _heard(self, response: Response) -> None:
        """Learn the epoch; a new one has nothing of what the one before had."""
        epoch, age = response[0], response[1]
        if epoch > self.epoch:
            self.epochs += self.epoch > 0
            self.epoch = epoch
            self._old = len(self._held)
            # Those that the old one had go first: they are asked for the most.
            self._told.update(self._untold)
            self._untold, self._told = self._told, OrderedDict()
        if epoch == self.epoch:
            self.age = age

    def _is_due(self, held: Held, now: float) -> bool:
        return held.epoch != self.epoch or held.at + REFRESH <= now

    def _take_off(self, digest: bytes) -> Held | None:
        held = self._held.pop(digest, None)
        if held is not None and held.epoch != self.epoch:
            self._old -= 1
        return held

    def _giving_back(self, digest: bytes, count: int) -> None:
        self._releases[digest, count] = None

    def _forget_old_ends(self, now: float) -> None:
        for ends in (self._told, self._untold):
            while ends and next(iter(ends.values())).until <= now:
                ends.popitem(last=False)

    def _left(self, end: End, now: float) -> tuple[int, int]:
        """Return for how many ms yet an end is told, and this process knows a refusal."""
        return max(1, round((end.until - now) * 1000)), max(0, round((end.refused - now) * 1000))

    def _renewing(
        self, lease: int, record: str, secret: bytes, own: int, left: int, told: list[str | int]
    ) -> list[str | int | bytes]:
        self.beat += 1
        who: list[str | int | bytes] = [self.epoch, self.name, lease, self.beat, self._fence]
        return [*who, self._started, record, secret, own, left, *told]

    @property
    def _renewed_keys(self) -> list[str]:
        mine = self._node(self.name)
        names, secret = self.shared_keys
        return [*self._clock, names, mine, secret]

    def _node(self, name: str) -> str:
        return f"{self._prefix}n:{name}"

    def _key(self, digest: bytes) -> str:
        """Return where a claim stands. No key of a session, and no hash that a server looks
        sessions up by, can be learned from Redis."""
        return f"{self._prefix}s:{sha256(digest).digest()[:16].hex()}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("ascii", "replace")
