"""What is said: by a client, by the process that answers, by a relay and an owner.

Knows: the shapes.
Must not know: who says what, and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["stream", "poll", "ack"]
Numbers: TypeAlias = tuple[int, int]
"""Frames received, and room: what one side acknowledges."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of a request. `instance` is the owner's name, a dot and the run's name."""

    key: str
    instance: str | None
    carrier: int
    kind: Kind
    received: int
    room: int
    poll: int

    @property
    def owner(self) -> str | None:
        """Name the owner, where the client knows it."""
        return self.instance.split(".")[0] if self.instance else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    hello: Hello
    body: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream begins."""

    instance: str
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Data:
    """More of it."""

    frames: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole response to a poll, or to a batch."""

    instance: str
    numbers: Numbers | None
    frames: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A response that is an error."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """A stream ends."""


Reply: TypeAlias = Opened | Data | Whole | Failed | Over


@dataclass(frozen=True, slots=True)
class Taken:
    """The owner has read the call."""


@dataclass(frozen=True, slots=True)
class Left:
    """The client has left the relay."""


Said: TypeAlias = Asked | Reply | Taken | Left
