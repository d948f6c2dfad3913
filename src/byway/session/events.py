"""What happens to a session: the values that it leaves for the shell round it.

Knows: the names of what can happen.
Must not know: who waits for it.

After each call that changes a session the shell takes `Session.events` and tells those whom they
concern; nobody has to look. What is said of a carrier comes with the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from byway.session.carrier import Carrier


@dataclass(frozen=True, slots=True)
class MessageReady:
    """There is a message to read, where there was none."""


@dataclass(frozen=True, slots=True)
class RoomGained:
    """The outbox is below its bound, and was not."""


@dataclass(frozen=True, slots=True)
class CarrierDue:
    """There is something to write on a carrier (`Carrier.due`), where there was nothing."""

    carrier: Carrier


@dataclass(frozen=True, slots=True)
class CarrierProven:
    """The PONG to this side's PING has come back."""

    carrier: Carrier


@dataclass(frozen=True, slots=True)
class Echoed:
    """The PONG to `ask_echo` has come back, with these bytes."""

    carrier: Carrier
    nonce: bytes


@dataclass(frozen=True, slots=True)
class CarrierLeaves:
    """The peer has announced that it will end a carrier."""

    carrier: Carrier


@dataclass(frozen=True, slots=True)
class CarrierEnded:
    """A carrier may not be used any more; `Carrier.ended` says why."""

    carrier: Carrier


@dataclass(frozen=True, slots=True)
class BeatAsked:
    """The peer has asked for a heartbeat that is shorter than before (`Session.beat`)."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Nothing can be sent any more: a side has closed, or the session was lost."""


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """The closing handshake is done: CLOSE went both ways."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left to do."""


Event = (
    MessageReady
    | RoomGained
    | CarrierDue
    | CarrierProven
    | Echoed
    | CarrierLeaves
    | CarrierEnded
    | BeatAsked
    | Closing
    | PeerClosed
    | Over
)

MESSAGE_READY: Final = MessageReady()
ROOM_GAINED: Final = RoomGained()
BEAT_ASKED: Final = BeatAsked()
CLOSING: Final = Closing()
PEER_CLOSED: Final = PeerClosed()
OVER: Final = Over()
