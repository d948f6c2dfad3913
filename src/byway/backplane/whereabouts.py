"""The owners that a process calls: where they are, and whether one is gone for good.

Knows: records of processes, renewals, how often a connection was refused. Time comes in as seconds.
Must not know: connections, Redis, requests.

That an owner is gone ends its sessions for good, so it is only said when it is sure:

- It has no record, while this process has one, and the epoch is as old as a lease: everybody had
  the time to write one. (An orderly end deletes the record.)
- Its door refused each connection, while the directory took four renewals of this process and none
  of the owner's, and for ten seconds. Four of *this process*: a directory that was away takes none
  from anybody.

A name that nobody has seen costs the directory a look, and anybody may make names up. So there are
few such looks a second; processes that the directory named are looked up without that bound.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Final

from byway.backplane.asks import Seen
from byway.backplane.scripts import FULL_LEASE, SETTLE

RENEWALS: Final = 4
"""Renewals of this process that the directory took, and none of the owner's, before an owner whose
door refuses counts as gone."""

REFUSED_FOR: Final = 10.0
"""Seconds for which it has to have refused by then: four renewals that have claims to assert follow
each other at once, and its owner had no time for one."""

KNOWN: Final = 10_000
"""Processes whose records, or ends, are remembered. One more forgets the oldest."""

LOOKS: Final = 20
"""Looks for names that the directory has not named, a second. One more is not made: the owner
counts as out of reach, and is asked for again."""

REFUSED_EACH: Final = 0.5
"""Seconds in which an owner whose door refuses is looked up once, whatever many ask for it."""

GONE_FOR: Final = 30.0
"""Seconds for which an owner that is gone is not looked up again. One that was paused for long and
not dead may come back."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a process writes of itself.

    Attributes:
        host: where its door is.
        port: and the port.
        told: all that it writes: `machine`, `pid`, `started`, `versions`, `sessions`.
    """

    host: str
    port: int
    told: dict[str, Any]

    @classmethod
    def parse(cls, text: bytes) -> Record | None:
        """Read a record; None where it is none that this release understands."""
        try:
            told = json.loads(text)
            host, port = told["host"], told["port"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if not isinstance(host, str) or type(port) is not int or not 0 < port < 65536:
            return None
        return cls(host, port, told)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A door that refuses: the owner's renewals and mine at first, since when, and as of when."""

    beat: int
    mine: int
    since: float
    seen: float


class Whereabouts:
    """What a process knows of the others.

    Attributes:
        names: those that live, as of the last renewal.
    """

    def __init__(self) -> None:
        """Know nobody."""
        self.names: frozenset[str] = frozenset()
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._gone: OrderedDict[str, float] = OrderedDict()
        self._refused: OrderedDict[str, _Refused] = OrderedDict()
        self._looks = 0
        self._second = -1

    def record(self, owner: str) -> Record | None:
        """Return where an owner is, if that is known."""
        return self._records.get(owner)

    def is_gone(self, owner: str, now: float) -> bool:
        """Say whether an owner was found to be gone a short time ago."""
        return self._gone.get(owner, 0.0) > now

    def may_look(self, owner: str, now: float) -> bool:
        """Say whether an owner may be looked up, and count that."""
        if owner in self.names or owner in self._records:
            return True
        if int(now) != self._second:
            self._second, self._looks = int(now), 0
        self._looks += 1
        return self._looks <= LOOKS

    def refused_lately(self, owner: str, now: float) -> bool:
        """Say whether an owner was looked up just now because its door refused."""
        found = self._refused.get(owner)
        return found is not None and now - found.seen < REFUSED_EACH

    def reached(self, owner: str) -> None:
        """Note that a link to an owner was made: whatever its lease says, it lives."""
        self._refused.pop(owner, None)
        self._gone.pop(owner, None)

    def not_refused(self, owner: str) -> None:
        """Note that a connection to an owner failed, and was not refused: somebody is there."""
        self._refused.pop(owner, None)

    def judge(self, owner: str, seen: Seen, now: float, *, refused: bool) -> bool:
        """Say whether an owner is gone, and learn where it is.

        Args:
            owner: its name.
            seen: what the directory says.
            now: the time.
            refused: a connection to its door was refused just now.
        """
        if seen.beat and (record := Record.parse(seen.record)) is not None:
            _remember(self._records, owner, record)
        if not seen.beat:
            gone = seen.mine > 0 and seen.age >= FULL_LEASE
        elif refused and seen.mine and seen.age >= SETTLE:
            first = self._refused.get(owner)
            if first is None or first.beat != seen.beat:
                first = _Refused(seen.beat, seen.mine, now, now)
            _remember(self._refused, owner, replace(first, seen=now))
            long = now - first.since >= REFUSED_FOR
            gone = long and seen.mine - first.mine >= RENEWALS
        else:
            gone = False
        if gone:
            self._records.pop(owner, None)
            self._refused.pop(owner, None)
            _remember(self._gone, owner, now + GONE_FOR)
        return gone


def _remember(table: OrderedDict[str, Any], name: str, value: Any) -> None:
    table[name] = value
    table.move_to_end(name)
    if len(table) > KNOWN:
        table.popitem(last=False)
