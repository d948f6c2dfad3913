"""The rules of the design, each named by what happens without it.

Knows: what is taken away, and in which kind of world that shows.
Must not know: how the model does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

Meeting: TypeAlias = Literal["redis", "workers"]
"""Where processes meet: a Redis, or a folder of the machine that they share."""

Links: TypeAlias = Literal["stream", "pubsub"]
"""What links run over: a byte stream, or the messages of Redis."""


class Flaw(Enum):
    """A rule that is taken away. The value says what happens instead."""

    # Claims
    TAKEOVER = "a claim is taken over when the lease of its owner has run out"
    NO_ANSWER = "a process takes its own claim for somebody else's when the first response was lost"
    NO_RELEASE = "a claim whose response was lost is not given back"
    NO_COUNT = "a late release also removes what the same process has claimed since"
    NO_FENCE = "a claim counts although it arrives after its process has given it up"
    NO_UNUSED = "a claim that became no session is kept"
    RELAYED_OPENS = "a relayed opening runs the handler"
    NO_HOLDING = "an opening that reaches the owner before its own claim is known is refused"
    NO_TOMB = "the end of a session is not written to its claim"
    END_ONCE = "the end of a session is told once, whether or not the directory heard it"
    NO_REFUSAL = "the end of a refused opening does not name the process that refused it"
    SAME_NAME = "processes share a name, as where it is made before a fork"
    KEPT_NAME = "a process that is started again keeps its name"
    NO_REFRESH = "a claim is not asserted again before its life in the directory ends"
    # The directory loses data
    EVICTION = "the directory may evict what it keeps (a `maxmemory-policy` but `noeviction`)"
    NO_SETTLING = "claims are given at once after the directory lost its data"
    NO_ASSERTION = "owners do not assert their claims in a new epoch"
    ASSERT_ONCE = "assertions without a response are not repeated"
    SETTLED_BY_TIME = "the directory settles while processes still assert"
    CLOCK_SETTLES = "the directory settles by the clock, also while nobody could reach it"
    NO_RUN_ID = "a restart from a snapshot keeps the epoch"
    OLD_CLAIM = "a claim from before the loss counts when its response comes after it"
    NO_WAITING = "an opening does not wait for the directory, it is refused with 503 at once"
    # Is the owner gone?
    SHORT_LEASE = "the lease is shorter than a pause, and its end alone means 410"
    ABSENT = "a missing record means 410, also after the directory lost its data"
    YOUNG = "a missing record means 410 as soon as claims are given again"
    REFUSED = "one refused connection means 410"
    OWN_BEAT = "missing renewals count by the clock, also while the directory takes nobody's"
    FAST_BEATS = "four renewals of mine count, however fast they follow each other"
    NO_TAKEN = "a relay waits for a paused owner as long as it takes"
    # Workers of one server
    MISSING_LOCK = "a lock that is missing means 410"
    KEPT_LOCK = "the child of a dead process still holds its lock"
    UNMENDED = "a process does not make its door, lock and claims anew where they were removed"
    # Links over messages
    NO_TAIL = "the last number of a link is not said again where nothing follows"
    NO_NUMBERS = "links over messages have no numbers of their own"


@dataclass(frozen=True, slots=True)
class Setting:
    """One run of the model. The same setting gives the same run.

    Attributes:
        seed: what every decision follows from.
        meeting: where the processes meet.
        links: what links run over.
        flaw: the rule that is taken away; None: the design as it is.
        faults: those that there are, see `tests.scale.faults`; none: each run draws its own.
    """

    seed: int
    meeting: Meeting = "redis"
    links: Links = "stream"
    flaw: Flaw | None = None
    faults: tuple[str, ...] = ()
