"""One session, as the client and the server both run it.

Knows: frames, the outbox, the inbox, which carriers are attached and which one is selected.
Must not know: asyncio, a clock, a transport's name, HTTP.

A shell round it attaches carriers, feeds what arrives on them (`feed`) and writes what `take`
returns. Nothing here waits; `pending` says whether a carrier has something to write.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from byway.errors import ChannelClosed, FrameError, UsageError
from byway.frames import (
    ACK,
    BEAT,
    CLOSE,
    LAST_NUMBERED,
    LEAVE,
    NEXT,
    PAD,
    PING,
    PONG,
    SELECT,
    Frame,
    decode_ack,
    decode_beat,
    decode_next,
    decode_ping,
    decode_select,
    encode,
    encode_ack,
    encode_beat,
    encode_next,
    encode_ping,
    encode_pong,
    encode_select,
    valid_close_code,
)
from byway.limits import Limits
from byway.session.carrier import Carrier, Intake
from byway.session.early import Early
from byway.session.inbox import Closed, Inbox
from byway.session.outbox import Outbox
from byway.session.outgoing import Message, Output
from byway.session.peer import BYWAY, Peer

MAX_CONTROL: Final = 16
"""PONGs and PINGs that wait on one carrier; one more lets the oldest go."""

MAX_REASON: Final = 123
"""Bytes of a close reason (RFC 6455 section 5.5: a control frame holds 125, the code takes 2)."""


class State(Enum):
    """Where a session is in its life."""

    OPEN = "open"
    CLOSING = "closing"  # CLOSE was sent, the peer's is awaited
    CLOSED = "closed"  # CLOSE went both ways
    LOST = "lost"  # it ended without a closing handshake


class _Event(Enum):
    CLOSE_SENT = "close()"
    CLOSE_RECEIVED = "the peer's CLOSE"
    ABORTED = "abort()"


_TRANSITIONS: Final = {
    (State.OPEN, _Event.CLOSE_SENT): State.CLOSING,
    # The peer's CLOSE is answered in the same step (RFC 6455 section 5.5.1).
    (State.OPEN, _Event.CLOSE_RECEIVED): State.CLOSED,
    (State.CLOSING, _Event.CLOSE_RECEIVED): State.CLOSED,
    (State.OPEN, _Event.ABORTED): State.LOST,
    (State.CLOSING, _Event.ABORTED): State.LOST,
    (State.CLOSED, _Event.ABORTED): State.LOST,
}


class Session:
    """Numbers, keeps, replays, joins and acknowledges the messages of one session.

    Every message is delivered once and in order, whatever becomes of the carriers, until the
    session is closed or aborted. CLOSE is numbered too and comes last.

    Attributes:
        outbox: frames sent and not acknowledged.
        inbox: messages received and not read.
        carriers: the attached carriers by id, oldest first.
        selected: the carrier that alone is written to; None: all are.
        state: where it is in its life.
        peer: what the other side is able to do.
        beat: the longest silence, in seconds, that the peer asked for; None where it did not.
        repeats: numbered frames that came again, and were dropped.
    """

    def __init__(self, limits: Limits, peer: Peer = BYWAY) -> None:
        """Start open, with no carrier.

        Args:
            limits: bounds.
            peer: what the other side is able to do.
        """
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
        self.beat: float | None = None
        self.repeats: int = 0
        self._asked_beat = 0.0
        self._early = Early(limits.inbox)
        self._select_count = 0
        self._chooses = False
        self._closed_here: Closed | None = None
        self._lost: Closed | None = None

    # The application's side

    def send(self, message: Message) -> None:
        """Number a message, all its parts with it. `writable` says whether it should wait.

        Raises:
            ChannelClosed: the session is closing or closed.
            UsageError: a text holds a lone surrogate, which UTF-8 cannot carry.
        """
        if self.state is not State.OPEN:
            raise self.closed_error()
        if not isinstance(message, str):
            message = bytes(message)  # an application may give a bytearray and change it
        self.outbox.append(message)

    @property
    def writable(self) -> bool:
        """Whether the outbox is below its bound. It may exceed it by one message."""
        size = self.outbox.kept if self.peer.acknowledges else self.outbox.unwritten
        return size < self._limits.outbox

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Number CLOSE after everything sent, and drop what was received and is unread.

        Where the session is closing or closed already, only what is unread is dropped.

        Raises:
            UsageError: the code may not travel, or the reason is over 123 bytes.
        """
        if not valid_close_code(code):
            raise UsageError(f"close code {code} may not be sent: use 1000 to 1014 or 3000 to 4999")
        try:
            size = len(reason.encode())
        except UnicodeEncodeError:
            raise UsageError("the close reason holds a lone surrogate") from None
        if size > MAX_REASON:
            raise UsageError(f"the close reason is longer than {MAX_REASON} bytes of UTF-8")
        if self.state is not State.OPEN:
            self.inbox.stop()
            return
        self._move(_Event.CLOSE_SENT)
        self._closed_here = Closed(code, reason)
        self.outbox.append_close(code, reason)
        self.inbox.stop()
        if not self.peer.closes:
            self._move(_Event.CLOSE_RECEIVED)  # nobody is there to answer

    def abort(self, code: int, reason: str) -> None:
        """End without a handshake. What was received before can still be read."""
        if self.finished:
            return
        self._move(_Event.ABORTED)
        self._lost = Closed(code, reason)
        for carrier in list(self.carriers.values()):
            self.detach(carrier, reason)

    def settle(self) -> None:
        """Take it that a peer which let go while this side was closing has received everything."""
        if self.state is State.CLOSING:
            self._move(_Event.CLOSE_RECEIVED)
        if self.state is State.CLOSED:
            self.outbox.acknowledge(self.outbox.next - 1, 0)

    def receive(self) -> Message | Closed | None:
        """Return the oldest unread message, the end once all are read, or None for nothing yet."""
        message = self.inbox.pop()
        return message if message is not None else self.end

    @property
    def end(self) -> Closed | None:
        """How the session ended for the application, once it did.

        What was received counts (RFC 6455, section 7.1.5), also where closes cross; one's own
        stands in for it until it has come.
        """
        if self.inbox.closed is not None:
            return self.inbox.closed
        if self._lost is not None:
            # A close that was on its way when the session was lost still is its reason, but
            # nobody has confirmed it.
            return self._lost
        return self._closed_here

    def closed_error(self) -> ChannelClosed:
        """Make the error for a call that a closed session cannot serve."""
        end = self.end or Closed(1006, "")
        return ChannelClosed(end.code, end.reason)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: lost, or closed both ways and all acknowledged."""
        if self.state is State.CLOSED:
            return not self.outbox.unacknowledged
        return self.state is State.LOST

    def _move(self, event: _Event) -> None:
        try:
            self.state = _TRANSITIONS[self.state, event]
        except KeyError:
            raise AssertionError(f"{event.value} in state {self.state.value}") from None

    # The carriers' side

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
        self.outbox.acknowledge(received, 0)
        if len(self.carriers) >= self._limits.carriers:
            for oldest in self.carriers.values():
                if oldest is not self.selected:
                    self.detach(oldest, "there are newer carriers")
                    break
        carrier = Carrier(carrier_id, Intake(ordered), batched, cursor=received + 1)
        carrier.intake.carrier = carrier
        self.carriers[carrier_id] = carrier
        return carrier

    def detach(self, carrier: Carrier, reason: str) -> None:
        """Say that a carrier has ended. What it carried and nobody acknowledged is replayed."""
        if self.carriers.get(carrier.id) is carrier:
            del self.carriers[carrier.id]
        if not carrier.ended:
            carrier.ended = reason or "ended"
        if self.selected is carrier:
            self.selected = None

    def rewind(self, carrier: Carrier, received: int | None = None) -> None:
        """Write again on this carrier what the peer has not got.

        Args:
            carrier: one that loses whole writes: batches, or the answers to polls.
            received: frames that the peer says it has; None for what it acknowledged.
        """
        first = self.outbox.first
        carrier.cursor = first if received is None else max(received + 1, first)
        carrier.told_next = 0
        carrier.told_select = 0
        carrier.told_beat = 0.0

    def select(self, carrier: Carrier) -> None:
        """Choose, as the client, the carrier that alone is used; it is told to the server.

        Nothing happens where that carrier has ended: nothing would be written at all.
        """
        self._chooses = True
        if carrier.ended:
            return
        self._select_count += 1
        self.selected = carrier

    def ask_beat(self, seconds: float) -> None:
        """Ask, as the client, for a downlink that is never silent for longer.

        Only a shorter one than the last changes anything at the peer.
        """
        self._asked_beat = seconds

    def ping(self, carrier: Carrier, nonce: bytes) -> None:
        """Ask for a PONG on this carrier; `carrier.proven` is true from when it comes."""
        carrier.proven = False
        carrier.nonce = nonce
        self._control(carrier, encode_ping(carrier.id, nonce))

    def ask_echo(self, carrier: Carrier, nonce: bytes) -> None:
        """Ask for a PONG on this carrier, which changes nothing but `carrier.echoed`.

        No PONG to `ping` does, so one that comes together with it hides nothing.
        """
        self._control(carrier, encode_ping(carrier.id, nonce))

    def leave(self, carrier: Carrier) -> None:
        """Announce, as the server, that a carrier ends soon. It ends once another is selected."""
        if not carrier.told_leave:
            carrier.told_leave = True
            self._control(carrier, encode(LEAVE))

    def feed(self, intake: Intake, frames: list[Frame]) -> None:
        """Take frames that arrived.

        Frames of the handshake (HELLO, OPEN), padding and unknown ones are passed over: they
        are the shell's.

        Raises:
            FrameError: a frame is against the protocol; the carrier has to end. Frames before
                it were taken.
        """
        if self.state is State.LOST:
            return  # what was on its way when the session was lost
        inbox, early = self.inbox, self._early
        accept = inbox.accept
        for kind, payload in frames:
            if kind <= LAST_NUMBERED:
                number = intake.expected
                if number is None:
                    raise FrameError("a numbered frame came before NEXT")
                intake.expected = number + 1
                ahead = number - inbox.received
                if ahead == 1:
                    accept(kind, payload)
                    if kind == CLOSE or inbox.too_big:
                        self._ends_with(kind)
                    if early.size:
                        self._take_early()
                elif ahead > 1:
                    if intake.ordered:
                        raise FrameError(
                            f"frame {number} came after frame {inbox.received}: "
                            f"{ahead - 1} are missing"
                        )
                    early.keep(number, (kind, payload))
                else:
                    self.repeats += 1
            elif kind == ACK:
                self.acknowledge(*decode_ack(payload))
            elif kind == NEXT:
                intake.expected = decode_next(payload)
            elif kind == SELECT:
                self._selected_by_peer(*decode_select(payload))
            elif kind == PING:
                carrier_id, opaque = decode_ping(payload)
                named = self.carriers.get(carrier_id)
                if named is not None:
                    self._control(named, encode_pong(carrier_id, opaque))
            elif kind == PONG:
                carrier_id, opaque = decode_ping(payload)
                named = self.carriers.get(carrier_id)
                if named is not None and named.nonce and named.nonce == opaque:
                    named.proven = True
                elif named is not None:
                    named.echoed = opaque
            elif kind == BEAT:
                # The shortest ever asked for: a proxy may repeat an old request.
                self.beat = min(decode_beat(payload), self.beat or float("inf"))
            elif kind == LEAVE and intake.carrier is not None:
                intake.carrier.leaving = True

    def _take_early(self) -> None:
        """Take the frames that waited for the one that has just come."""
        inbox, early = self.inbox, self._early
        early.pop(inbox.received)
        while (frame := early.pop(inbox.received + 1)) is not None:
            kind = frame[0]
            inbox.accept(*frame)
            if kind == CLOSE or inbox.too_big:
                self._ends_with(kind)

    def _ends_with(self, kind: int) -> None:
        """Take the frame that has just come for the end: CLOSE, or a message that is too long."""
        if kind == CLOSE:
            self._close_received()
            self._early.clear()
        elif self.state is State.OPEN:
            self.close(1009, f"a message is over the bound of {self._limits.max_message} bytes")

    def acknowledge(self, received: int, room: int) -> None:
        """Take what the peer says it received, and the bytes of room in its inbox.

        Raises:
            FrameError: more than was ever sent.
        """
        self.outbox.acknowledge(received, room)

    def pending(self, carrier: Carrier) -> bool:
        """Say whether this carrier has something that must be written now."""
        if carrier.control or self._select_due(carrier) or self._beat_due(carrier):
            return True
        if not self._used(carrier):
            return False
        return self.outbox.has(carrier.cursor) or self._ack_due(carrier)

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
        if not beat and not self.pending(carrier):
            return []
        out: list[Output] = list(carrier.control)
        carrier.control.clear()
        if self._beat_due(carrier):
            out.append(encode_beat(self._asked_beat))
            carrier.told_beat = self._asked_beat
        if not self.peer.has_uplink:
            if beat:
                out.append(encode(PAD))
        elif beat or self.unannounced(carrier) or self.inbox.limit > carrier.told_limit:
            # It costs 17 bytes and rides on what goes that way anyway; before SELECT, so that
            # the peer replays little on the carrier that it moves to.
            out.append(encode_ack(*self.announce(carrier)))
        if self._select_due(carrier) and self.selected is not None:
            out.append(encode_select(self._select_count, self.selected.id))
            carrier.told_select = self._select_count
        if self._used(carrier):
            number, frames = self.outbox.slice(carrier.cursor, size)
            if frames:
                if carrier.batched or carrier.told_next != number:
                    out.append(encode_next(number))
                carrier.cursor = carrier.told_next = number + len(frames)
                out += frames
                self.outbox.wrote(carrier.cursor)
        return out

    def announce(self, carrier: Carrier | None) -> tuple[int, int]:
        """Return ``(received, room)`` for an ACK, HELLO or OPEN that goes out now.

        Args:
            carrier: the carrier on which it goes, which remembers it; None for none.
        """
        inbox = self.inbox
        if carrier is not None:
            carrier.told_received = inbox.received
            carrier.told_cost = inbox.cost
            carrier.told_limit = inbox.limit
        return inbox.received, inbox.room

    def _used(self, carrier: Carrier) -> bool:
        return self.selected is None or self.selected is carrier

    def _select_due(self, carrier: Carrier) -> bool:
        return (
            self._chooses and self.selected is not None and carrier.told_select < self._select_count
        )

    def _beat_due(self, carrier: Carrier) -> bool:
        return carrier.told_beat != self._asked_beat

    def _ack_due(self, carrier: Carrier) -> bool:
        inbox = self.inbox
        if not self.peer.has_uplink or carrier.told_received == inbox.received and not inbox.cost:
            return False
        quarter = inbox.bound // 4
        limit = inbox.limit
        return (
            inbox.cost - carrier.told_cost >= quarter
            or limit - carrier.told_limit >= quarter
            # The peer has used up what it was told, and could go on.
            or carrier.told_limit <= inbox.cost < limit
            or (inbox.closed is not None and carrier.told_received < inbox.received)
        )

    def _control(self, carrier: Carrier, wire: bytes) -> None:
        carrier.control.append(wire)
        del carrier.control[:-MAX_CONTROL]

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

    def _close_received(self) -> None:
        answer = self.state is State.OPEN
        self._move(_Event.CLOSE_RECEIVED)
        if answer and self.inbox.closed is not None:
            self.outbox.append_close(self.inbox.closed.code, self.inbox.closed.reason)
