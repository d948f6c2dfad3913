"""The carriers' side of a session: which are attached, which is used, what is due on each.

Knows: numbers, the outbox, the inbox, what was told on which carrier.
Must not know: what an application does, asyncio, a clock, a transport's name, HTTP.

Nobody asks a carrier whether it has something to write. The change that makes something due says
so, in `Carrier.due` and with an event; `take` returns it. `pending` works it out from everything
else: for the changes that are rare, and for the tests, which compare the two.
"""

from __future__ import annotations

from typing import Final

from byway.errors import FrameError
from byway.frames import (
    LEAVE,
    PAD,
    encode,
    encode_ack,
    encode_beat,
    encode_next,
    encode_ping,
    encode_select,
)
from byway.limits import SessionLimits
from byway.session.carrier import Carrier, Intake
from byway.session.closing import State, Step, after
from byway.session.events import (
    CLOSING,
    OVER,
    PEER_CLOSED,
    ROOM_GAINED,
    CarrierEnded,
    CarrierProven,
    Event,
)
from byway.session.inbox import Inbox
from byway.session.outbox import Outbox
from byway.session.outgoing import Outgoing, Output
from byway.session.peer import Peer

MAX_CONTROL: Final = 16
"""PONGs and PINGs that wait on one carrier; one more drops the oldest."""


class CarrierSide:
    """What a session does for its carriers; `Session` adds the application's side.

    Attributes:
        outbox: frames sent and not acknowledged.
        inbox: messages received and not read.
        carriers: the attached carriers by id, oldest first.
        selected: the carrier that alone is written to; None: all are.
        state: where the session is in its life.
        finished: nothing is left to do: lost, or closed both ways and all acknowledged.
        writable: the outbox is below its bound. It may exceed it by one message.
        peer: what the other side is able to do.
        beat: the longest silence, in seconds, that the peer asked for; None where it did not.
        events: what has happened since the shell has taken them last.
    """

    def __init__(self, limits: SessionLimits, peer: Peer) -> None:
        """Start without a carrier."""
        self._limits = limits
        self.peer = peer
        self.outbox: Outbox = Outbox(
            part=limits.part,
            ring=None if peer.acknowledges else limits.outbox,
            has_credit=peer.has_credit,
        )
        self.inbox: Inbox = Inbox(bound=limits.inbox, max_message=limits.max_message)
        self.carriers: dict[int, Carrier] = {}
        self.selected: Carrier | None = None
        self.state: State = State.OPEN
        self.finished: bool = False
        self.writable: bool = True
        self.beat: float | None = None
        self.events: list[Event] = []
        self._quarter = limits.inbox // 4
        self._asked_beat = 0.0
        self._select_count = 0
        self._chooses = False

    # Which carriers there are

    def attach(
        self, carrier_id: int, *, ordered: bool, batched: bool = False, received: int = 0
    ) -> Carrier:
        """Attach a carrier.

        At the bound of carriers the oldest unselected one is ended, never the newcomer refused:
        dead carriers that nobody reported must not lock the client out.

        Args:
            carrier_id: chosen by the client.
            ordered: whether what arrives on it is a byte stream.
            batched: whether each write on it travels on its own.
            received: frames that the peer says it has; writing goes on after them.

        Raises:
            FrameError: the id is attached already, or `received` was never sent.
        """
        if carrier_id in self.carriers:
            raise FrameError(f"carrier {carrier_id} is attached already", status=409)
        self.acknowledge(received, 0)
        if len(self.carriers) >= self._limits.carriers:
            for oldest in self.carriers.values():
                if oldest is not self.selected:
                    self.detach(oldest, "there are newer carriers")
                    break
        carrier = Carrier(carrier_id, Intake(ordered), batched, cursor=received + 1)
        carrier.intake.carrier = carrier
        self.carriers[carrier_id] = carrier
        self._look(carrier)
        return carrier

    def detach(self, carrier: Carrier, reason: str) -> None:
        """Say that a carrier has ended. What it carried and nobody acknowledged is replayed."""
        if self.carriers.get(carrier.id) is carrier:
            del self.carriers[carrier.id]
        if not carrier.ended:
            carrier.ended = reason or "ended"
            self.events.append(CarrierEnded(carrier))
        if self.selected is carrier:
            self.selected = None
            self._look(*self.carriers.values())

    def rewind(self, carrier: Carrier, received: int | None = None) -> None:
        """Write again on this carrier what the peer has not got.

        Args:
            carrier: one that loses whole writes: batches, or the responses to polls.
            received: frames that the peer says it has; None for what it acknowledged.
        """
        first = self.outbox.first
        carrier.cursor = first if received is None else max(received + 1, first)
        carrier.told_next = 0
        carrier.told_select = 0
        carrier.told_beat = 0.0
        self._look(carrier)

    def select(self, carrier: Carrier) -> None:
        """Choose, as the client, the carrier that alone is used; it is told to the server.

        Nothing happens where that carrier has ended: nothing would be written at all.
        """
        self._chooses = True
        if carrier.ended:
            return
        self._select_count += 1
        self.selected = carrier
        self._look(*self.carriers.values())

    def _selected_by_peer(self, count: int, carrier_id: int) -> None:
        # A proxy may repeat an old POST: only a count above every earlier one is a choice.
        if self._chooses or count <= self._select_count:
            return
        self._select_count = count
        # If it has ended, the client does not listen to the one before it either: none is selected.
        self.selected = self.carriers.get(carrier_id)
        if self.selected is not None:
            for carrier in list(self.carriers.values()):
                if carrier.told_leave and carrier is not self.selected:
                    self.detach(carrier, "another was selected in time")
        self._look(*self.carriers.values())

    # What is said about carriers

    def ask_beat(self, seconds: float) -> None:
        """Ask, as the client, for a downlink that is never silent for longer.

        Only a shorter one than the last changes anything at the peer.
        """
        self._asked_beat = seconds
        self._look(*self.carriers.values())

    def ping(self, carrier: Carrier, nonce: bytes) -> None:
        """Ask for a PONG on this carrier; `carrier.proven` is true from when it comes."""
        carrier.proven = False
        carrier.nonce = nonce
        self._control(carrier, encode_ping(carrier.id, nonce))

    def ask_echo(self, carrier: Carrier, nonce: bytes) -> None:
        """Ask for a PONG on this carrier, which proves nothing and is told in an `Echoed`.

        No PONG to `ping` does, so one that comes together with it hides nothing.
        """
        self._control(carrier, encode_ping(carrier.id, nonce))

    def prove(self, carrier: Carrier) -> None:
        """Take a carrier for proven: its PONG has come, or what says as much."""
        if not carrier.proven:
            carrier.proven = True
            self.events.append(CarrierProven(carrier))

    def leave(self, carrier: Carrier) -> None:
        """Announce, as the server, that a carrier ends soon. It ends once another is selected."""
        if not carrier.told_leave:
            carrier.told_leave = True
            self._control(carrier, encode(LEAVE))

    def _control(self, carrier: Carrier, wire: bytes) -> None:
        carrier.control.append(wire)
        del carrier.control[:-MAX_CONTROL]
        self._set_due(carrier)

    # What is to be written

    def acknowledge(self, received: int, room: int) -> None:
        """Take what the peer says that it received, and the bytes of room in its inbox.

        Raises:
            FrameError: more than was ever sent.
        """
        if self.outbox.acknowledge(received, room):
            self._look(*self.carriers.values())
        if not self.writable:
            self._measure()
        if self.state is not State.OPEN:
            self._look_for_end()

    def announce(self, carrier: Carrier | None) -> tuple[int, int]:
        """Return ``(received, room)`` for an ACK, HELLO or OPEN that goes out now.

        Args:
            carrier: the carrier on which it goes, which remembers it; None for none.
        """
        inbox = self.inbox
        cost, room = inbox.cost, inbox.bound - inbox.queued
        if room < 0:
            room = 0
        if carrier is not None:
            limit = cost + room
            carrier.told_received = inbox.received
            carrier.told_cost = cost
            carrier.told_limit = limit
            carrier.ack_at_cost = min(cost + self._quarter, limit)
            carrier.ack_at_read = limit + self._quarter - inbox.bound
        return inbox.received, room

    def unannounced(self, carrier: Carrier) -> bool:
        """Say whether frames were received that this carrier has not acknowledged yet."""
        return self.inbox.received > carrier.told_received

    def take(self, carrier: Carrier, size: int, *, beat: bool = False) -> list[Output]:
        """Return the frames to write on this carrier now.

        Args:
            carrier: the carrier.
            size: bytes of numbered frames to return, exceeded by at most one frame.
            beat: return an ACK even if there is nothing to say (a heartbeat).
        """
        carrier.due = False
        inbox, outbox = self.inbox, self.outbox
        number, frames = carrier.cursor, NOTHING
        used = self.selected is None or self.selected is carrier
        if used and carrier.cursor < outbox.next:
            number, frames = outbox.slice(carrier.cursor, size)
        beat_due = carrier.told_beat != self._asked_beat
        selected = self.selected if self._chooses else None
        select_due = selected is not None and carrier.told_select < self._select_count
        if not (
            frames
            or beat
            or carrier.control
            or beat_due
            or select_due
            or (used and self._ack_due(carrier))
        ):
            return []
        out: list[Output] = list(carrier.control)
        carrier.control.clear()
        if beat_due:
            out.append(encode_beat(self._asked_beat))
            carrier.told_beat = self._asked_beat
        if not self.peer.has_uplink:
            if beat:
                out.append(encode(PAD))
        elif beat or inbox.received > carrier.told_received or inbox.limit > carrier.told_limit:
            # It costs 17 bytes and rides on what goes that way anyway; before SELECT, so that
            # the peer replays little on the carrier that it moves to.
            out.append(encode_ack(*self.announce(carrier)))
        if selected is not None and select_due:
            out.append(encode_select(self._select_count, selected.id))
            carrier.told_select = self._select_count
        if frames:
            if carrier.batched or carrier.told_next != number:
                out.append(encode_next(number))
            carrier.cursor = carrier.told_next = number + len(frames)
            out += frames
            if not self.peer.acknowledges:
                outbox.wrote(carrier.cursor)
                self._measure()  # what is written makes room
            carrier.due = carrier.cursor < outbox.next and outbox.has(carrier.cursor)
        return out

    # What is due

    def pending(self, carrier: Carrier) -> bool:
        """Say whether this carrier has something that must be written now."""
        if carrier.control or carrier.told_beat != self._asked_beat:
            return True
        selected = self.selected
        if self._chooses and selected is not None and carrier.told_select < self._select_count:
            return True
        if selected is not None and selected is not carrier:
            return False
        return self.outbox.has(carrier.cursor) or self._ack_due(carrier)

    def _look(self, *carriers: Carrier) -> None:
        """Find out whether something is due on these carriers, after a change that may have it."""
        for carrier in carriers:
            if not carrier.due and self.pending(carrier):
                self._set_due(carrier)

    def _set_due(self, carrier: Carrier) -> None:
        if not carrier.due:
            carrier.due = True
            self.events.append(carrier.became_due)

    def _ack_due(self, carrier: Carrier) -> bool:
        """Say whether the peer has to hear of what was received, or read, since it was told last.

        Never sooner than `Carrier.ack_at_cost` and `ack_at_read` say.
        """
        inbox = self.inbox
        if not self.peer.has_uplink or carrier.told_received == inbox.received and not inbox.cost:
            return False
        quarter, limit = self._quarter, inbox.limit
        return (
            inbox.cost - carrier.told_cost >= quarter
            or limit - carrier.told_limit >= quarter
            # The peer has used up what it was told, and could go on.
            or carrier.told_limit <= inbox.cost < limit
            or (inbox.closed is not None and carrier.told_received < inbox.received)
        )

    def _measure(self) -> None:
        """Find out whether the outbox is below its bound."""
        size = self.outbox.kept if self.peer.acknowledges else self.outbox.unwritten
        before, self.writable = self.writable, size < self._limits.outbox
        if self.writable and not before:
            self.events.append(ROOM_GAINED)

    # The end

    def _move(self, step: Step) -> None:
        before, self.state = self.state, after(self.state, step)
        if before is State.OPEN:
            self.events.append(CLOSING)
        if self.state is State.CLOSED:
            self.events.append(PEER_CLOSED)

    def _look_for_end(self) -> None:
        if self.finished:
            return
        if self.state is State.LOST or (
            self.state is State.CLOSED and not self.outbox.unacknowledged
        ):
            self.finished = True
            self.events.append(OVER)


NOTHING: Final[list[Outgoing]] = []
