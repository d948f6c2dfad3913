"""The figures of the design, in seconds, and those that the model makes smaller to get there.

Knows: numbers. Nothing else.
"""

from __future__ import annotations

from typing import Final

from byway.limits import ServerLimits

HEARTBEAT: Final = 10.0
WINDOW: Final = 30.0
COMMAND: Final = 2.0
"""What a command of Redis may take."""

LEASE: Final = 30.0
RENEW: Final = 2.5
AGAIN: Final = 1.0
"""When a renewal without a response is repeated, and how often each renews while unsettled."""

SETTLE: Final = 4.0
"""From this age on an epoch gives claims."""

TAKEN: Final = 5.0
SILENCE: Final = 15.0
"""After so long a silence a link is cut."""

PATIENCE: Final = 10.0
"""How long an opening waits on the server for its claim."""

GONE_AFTER: Final = 4
"""So many renewals of mine, and none of the owner's that refuses: it is gone."""

MEND: Final = 1.0
"""How often a worker looks whether its door, lock and claims are still there."""

TOMBSTONE: Final = 600.0
REFUSAL: Final = 10.0

LIFE: Final = 100.0
"""Life of a claim in Redis (600 in the design, whose runs are longer)."""

REFRESH: Final = 20.0
"""How often a claim is asserted again (200 in the design)."""

LONGEST_AWAY: Final = 15.0
"""How long a fault may keep a process from asserting a claim again."""

CHUNK: Final = 2
"""Assertions in one script (500 in the design)."""

REMEMBERED: Final = 3
"""Ended sessions that a process remembers by itself: few, so that the claim has to do it."""

LIMITS: Final = ServerLimits(inbox=4096, outbox=4096, part=256)
