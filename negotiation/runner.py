"""A runner: one transport in the race, how far it has come, and what may be decided of it.

Knows: the phases of an attempt, the four actions.
Must not know: when anything is decided, or why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Phase(Enum):
    """How far the attempt of one transport has come."""

    WAITING = "waiting"  # not tried in this round
    TRYING = "trying"
    OPEN = "open"
    PROVEN = "proven"
    FAILED = "failed"


RUNNING: Final = (Phase.TRYING, Phase.OPEN, Phase.PROVEN)
"""Phases in which there is an attempt, or a carrier."""


@dataclass(frozen=True, slots=True)
class Start:
    """Try this transport now."""

    transport: str


@dataclass(frozen=True, slots=True)
class Use:
    """Select the carrier of this transport."""

    transport: str
    why: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Give the attempt, or the carrier, of this transport up.

    Attributes:
        late: it took too long; otherwise it is only not needed.
        slow: it works, but its round trips take too long beside those of another.
    """

    transport: str
    why: str
    late: bool = False
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a PING on the carrier of this transport."""

    transport: str


Action = Start | Use | Stop | Ask


@dataclass(slots=True)
class Runner:
    """One transport in the race."""

    phase: Phase = Phase.WAITING
    since: float = 0.0  # when it came into this phase
    tried: bool = False  # an attempt was made, in this network
    strikes: int = 0  # how often in a row it opened and did not last
