"""What a process asks of the place where processes meet, whichever place that is.

Knows: openings that wait, and the shape of the questions.
Must not know: Redis, folders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tests.scale.redis import State

if TYPE_CHECKING:
    from tests.scale.serving import Call


@dataclass
class Opening:
    """The openings of one key that wait for one claim."""

    key: str
    until: float
    calls: list[Call] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Say whether anybody still waits."""
        return any(not call.done for call in self.calls)


@dataclass(frozen=True, slots=True)
class Decided:
    """Whose a key is. The owner is "" where nobody could say in time."""

    owner: str
    state: State = "live"


class Directory(Protocol):
    """The part that one process has in it.

    Attributes:
        told: until when it can be relied on that lost claims were told again.
    """

    told: float

    def start(self) -> None:
        """Begin to take part."""

    def claim(self, opening: Opening, decided: Callable[[Decided], object]) -> None:
        """Claim a key, or learn whose it is."""

    def opened(self, key: str) -> None:
        """Say that a claim became a session."""

    def release(self, key: str) -> None:
        """Give back a claim that became none."""

    def ended(self, key: str, *, refused: bool) -> None:
        """Say that a session has ended."""

    def has_ended(self, key: str) -> bool:
        """Say whether a session ended here, and the directory may not know yet."""
        ...

    def door(self, owner: str) -> bool:
        """Say whether there is anything to connect to."""
        ...

    def gone(self, owner: str, refused: bool, told: Callable[[bool, str], object]) -> None:
        """Say whether an owner that could not be reached is surely gone, and why."""

    def heard(self, owner: str) -> None:
        """Hear that an owner has taken a call."""
