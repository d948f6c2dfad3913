"""What a session knows of a carrier: where its incoming and outgoing frames stand.

Knows: numbers, and what was told on the carrier already.
Must not know: the session, what carries it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from byway.session.events import CarrierDue


@dataclass(slots=True, eq=False)
class Intake:
    """Where one run of incoming frames stands in the numbering.

    Attributes:
        ordered: whether what arrives is a byte stream. There a gap proves a fault; a batch may
            have overtaken another, and its frames wait for those.
        carrier: the carrier that the frames arrive on, if they are its own.
        expected: number of the next numbered frame, None until NEXT said it.
    """

    ordered: bool
    carrier: Carrier | None = None
    expected: int | None = None


@dataclass(slots=True, eq=False)
class Carrier:
    """One carrier as the session sees it.

    Attributes:
        id: chosen by the client; ids grow.
        intake: where its incoming frames stand.
        batched: whether each write travels on its own, so that each has to say its numbers.
        cursor: number of the next frame to write here.
        due: whether something may have to be written now. The change that makes it due sets it,
            and `take` clears it.
        ended: why it may not be used any more; empty while it may.
        proven: whether the PONG to this side's PING came back.
        leaving: whether the peer has announced its end with LEAVE.
        told_leave: whether this side has.
        ack_at_cost: cost of all messages ever received at which an acknowledgement may be due.
        ack_at_read: the same of all messages ever read.
        became_due: the event that says so.
    """

    id: int
    intake: Intake
    batched: bool
    cursor: int
    due: bool = False
    ended: str = ""
    proven: bool = False
    leaving: bool = False
    told_leave: bool = False
    control: list[bytes] = field(default_factory=list)
    nonce: bytes = b""
    told_next: int = 0  # the number that the peer takes the next frame here to have; 0: none yet
    told_cost: int = 0  # what the last ACK announced here: cost and number received, and limit
    told_received: int = 0
    told_limit: int = 0
    told_select: int = 0
    told_beat: float = 0.0
    ack_at_cost: int = 0
    ack_at_read: int = 0
    became_due: CarrierDue = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the event that is used each time."""
        self.became_due = CarrierDue(self)
