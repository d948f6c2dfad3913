"""What goes to the directory, and what comes from it.

Knows: the shapes.
Must not know: when anything is asked, or why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from byway.backplane.scripts import Script

Response = Sequence[Any]
"""What a script returns: first the epoch and its age in ms."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask the directory: a script, its keys and its arguments."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str | int | bytes]


@dataclass(frozen=True, slots=True)
class End:
    """The end of a session: until when it is told, until when this process knows a refusal."""

    until: float
    refused: float


@dataclass(frozen=True, slots=True)
class Ends:
    """Ends of sessions that are on their way, by the hashes of their keys."""

    ask: Ask
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that is on its way, with the chunk that it asserts."""

    ask: Ask
    claims: tuple[tuple[bytes, int], ...]
    ends: tuple[tuple[bytes, End], ...]


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal brought: the secret ("" where none is kept), the processes that live, whether
    another process has this name, and claims of this process that are another's."""

    secret: bytes
    names: frozenset[str]
    twin: bool
    conflicts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the directory says of another process.

    Attributes:
        beat: its last renewal; 0 where it has no record.
        record: JSON; b"" where it has none.
        mine: the last renewal of the process that asked; 0 where it has no record either.
        age: of the epoch, in ms.
    """

    beat: int
    record: bytes
    mine: int
    age: int
