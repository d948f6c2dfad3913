"""Lives: what is known of a session's key, from its opening until it is forgotten.

Knows: the stages of a session's life, and how many former sessions are remembered.
Must not know: requests, transports, backplanes, what an application does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.server.application import ApplicationRun, Denied
from byway.server.identity import Identity


class Life(Enum):
    """The stages of a session's life, in their order. A key without a record has none."""

    OPENING = "opening"  # the application has not decided yet
    OPEN = "open"  # the application has accepted; it lasts until nothing is left to do
    REFUSED = "refused"  # the application has refused; its client gets that again for a while
    ENDED = "ended"  # nothing opens it again


@dataclass(slots=True, eq=False)
class Hosted:
    """A session that lives in this process.

    Attributes:
        instance: names this run of the handler.
        live: the session.
        run: the application's run, or that of a probe.
        opened_by: who opened it.
        claimed: the backplane has a claim for it.
        probe: it is one of byway's own, which no application sees.
    """

    instance: str
    live: LiveSession
    run: ApplicationRun
    opened_by: Identity
    claimed: bool = False
    probe: bool = False


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one key.

    Attributes:
        life: the stage.
        opened_by: who opened the session.
        hosted: the session while it lives: in the stages OPENING and OPEN.
        refusal: what the application refused it with, in the stage REFUSED.
        refused_until: time of the event loop up to which that is given again.
        ended_until: time of the event loop up to which nothing opens the session again.
        claim_timer: ends the claim of a refused session that may be asked for again.
    """

    life: Life
    opened_by: Identity
    hosted: Hosted | None
    refusal: Denied | None = None
    refused_until: float = 0.0
    ended_until: float = 0.0
    claim_timer: asyncio.TimerHandle | None = None


class Lives:
    """The records of all keys, by their hashes.

    Attributes:
        records: what is known, by the hash of the key; changed by the methods only.
        living: how many sessions live, probes not among them.
        former: the keys of sessions that have ended, the oldest first; bounded.
        refused: the refused ones among them, the oldest first; bounded.
    """

    def __init__(self, limits: ServerLimits) -> None:
        """Start with none."""
        self._limits = limits
        self.records: dict[bytes, Record] = {}
        self.living: int = 0
        self.former: deque[tuple[bytes, Record]] = deque()
        self.refused: deque[Record] = deque()

    def __contains__(self, digest: bytes) -> bool:
        """Say whether a key is that of a session here, or of one that is remembered."""
        return digest in self.records

    def __iter__(self) -> Iterator[Hosted]:
        """Iterate over the sessions that live at this moment. It may be used in any thread."""
        for record in list(self.records.values()):
            if (hosted := record.hosted) is not None:
                yield hosted

    def begin(self, digest: bytes, hosted: Hosted) -> Record:
        """Note that a session is being opened. What was known of its key is forgotten."""
        record = self.records[digest] = Record(Life.OPENING, hosted.opened_by, hosted)
        self.living += not hosted.probe
        return record

    def refuse(self, record: Record, refusal: Denied, now: float) -> None:
        """Note that the application refused a session, whose end follows."""
        record.life, record.refusal = Life.REFUSED, refusal
        record.refused_until = now + self._limits.refusal_age
        self.refused.append(record)
        while len(self.refused) > self._limits.refusals:
            oldest = self.refused.popleft()
            oldest.refusal = None
            if oldest.life is Life.REFUSED:
                oldest.life = Life.ENDED

    def end(self, digest: bytes, record: Record, now: float) -> None:
        """Note that a session has ended; its record takes little memory from now on."""
        if record.hosted is not None:
            self.living -= not record.hosted.probe
        record.hosted = None
        if record.life is not Life.REFUSED:
            record.life = Life.ENDED
        record.ended_until = now + self._limits.tombstone_age
        self.former.append((digest, record))
        while len(self.former) > self._limits.tombstones:
            forgotten, oldest = self.former.popleft()
            if self.records.get(forgotten) is oldest:
                del self.records[forgotten]

    def forget(self, digest: bytes) -> None:
        """Know nothing of a key any more."""
        del self.records[digest]
