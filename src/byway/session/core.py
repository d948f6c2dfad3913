"""One session, as the client and the server both run it: the application's side.

Knows: messages, the order of what arrives, the closing handshake.
Must not know: asyncio, a clock, a transport's name, HTTP.

A shell round it attaches carriers, feeds what arrives on them (`feed`), writes what `take` returns,
and takes `events` after each of these. Nothing here waits.
"""

from __future__ import annotations

from byway.errors import ChannelClosed, FrameError
from byway.frames import (
    ACK,
    BEAT,
    CLOSE,
    LAST_NUMBERED,
    LEAVE,
    NEXT,
    PING,
    PONG,
    SELECT,
    Frame,
    decode_ack,
    decode_beat,
    decode_next,
    decode_ping,
    decode_select,
    encode_pong,
)
from byway.limits import SessionLimits
from byway.session.carrier import Intake
from byway.session.carriers import CarrierSide
from byway.session.closing import State, Step, check_close
from byway.session.events import BEAT_ASKED, MESSAGE_READY, CarrierLeaves, Echoed
from byway.session.inbox import Closed
from byway.session.outgoing import Message, closing, outgoing
from byway.session.peer import BYWAY, Peer
from byway.session.reorder import ReorderBuffer


class Session(CarrierSide):
    """Numbers, keeps, replays, joins and acknowledges the messages of one session.

    Every message is delivered once and in order, whatever becomes of the carriers, until the
    session is closed or aborted. CLOSE is numbered too and comes last.

    Attributes:
        repeats: numbered frames that came again, and were dropped.
    """

    def __init__(self, limits: SessionLimits, peer: Peer = BYWAY) -> None:
        """Start open, with no carrier.

        Args:
            limits: bounds.
            peer: what the other side is able to do.
        """
        super().__init__(limits, peer)
        self.repeats: int = 0
        self._reorder = ReorderBuffer(limits.inbox)
        self._closed_here: Closed | None = None
        self._lost: Closed | None = None

    # The application's side

    def send(self, message: Message) -> None:
        """Number a message, all its fragments with it. `writable` says whether it should wait.

        Raises:
            ChannelClosed: the session is closing or closed.
            UsageError: a text holds a lone surrogate, which UTF-8 cannot carry.
        """
        if self.state is not State.OPEN:
            raise self.closed_error()
        if not isinstance(message, str):
            message = bytes(message)  # an application may give a bytearray and change it
        outbox = self.outbox
        has_credit = outbox.append(outgoing(message))
        if outbox.kept >= self._limits.outbox:
            self._measure()
        if has_credit:
            selected = self.selected
            for carrier in self.carriers.values():
                if not carrier.due and (selected is None or carrier is selected):
                    carrier.due = True
                    self.events.append(carrier.became_due)

    def receive(self) -> Message | Closed | None:
        """Return the oldest unread message, the end once all are read, or None for nothing yet."""
        inbox = self.inbox
        if not inbox.queued:
            return None if self.state is State.OPEN else self.end
        message = inbox.pop()
        read, cost = inbox.read, inbox.cost
        for carrier in self.carriers.values():
            if not carrier.due and (read >= carrier.ack_at_read or cost >= carrier.told_limit):
                self._look(carrier)
        return message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Number CLOSE after everything sent, and drop what was received and is unread.

        Where the session is closing or closed already, only what is unread is dropped.

        Raises:
            UsageError: the code may not travel, or the reason is over 123 bytes.
        """
        check_close(code, reason)
        if self.state is State.OPEN:
            self._move(Step.CLOSE_SENT)
            self._closed_here = Closed(code, reason)
            self.outbox.append(closing(code, reason))
            if not self.peer.closes:
                self._move(Step.CLOSE_RECEIVED)  # nobody is there to answer
        self.inbox.stop()
        self._look(*self.carriers.values())

    def abort(self, code: int, reason: str) -> None:
        """End without a handshake. What was received before can still be read."""
        if self.finished:
            return
        self._move(Step.ABORTED)
        self._lost = Closed(code, reason)
        for carrier in list(self.carriers.values()):
            self.detach(carrier, reason)
        self._look_for_end()

    def settle(self) -> None:
        """Take it that a peer which let go while this side was closing has received everything."""
        if self.state is State.CLOSING:
            self._move(Step.CLOSE_RECEIVED)
        if self.state is State.CLOSED:
            self.acknowledge(self.outbox.next - 1, 0)

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

    # What arrives

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
        inbox, waiting = self.inbox, self._reorder
        accept, received, was_empty = inbox.accept, inbox.received, not inbox.queued
        try:
            for kind, payload in frames:
                if kind > LAST_NUMBERED:
                    if kind == ACK:
                        self.acknowledge(*decode_ack(payload))
                    else:
                        self._take_control(intake, kind, payload)
                    continue
                number = intake.expected
                if number is None:
                    raise FrameError("a numbered frame came before NEXT")
                intake.expected = number + 1
                ahead = number - inbox.received
                if ahead == 1:
                    accept(kind, payload)
                    if kind == CLOSE or inbox.too_big:
                        self._ends_with(kind)
                    if waiting.size:
                        self._take_waiting()
                elif ahead > 1:
                    if intake.ordered:
                        raise FrameError(
                            f"frame {number} came after frame {inbox.received}: "
                            f"{ahead - 1} are missing"
                        )
                    waiting.keep(number, (kind, payload))
                else:
                    self.repeats += 1
        finally:
            if was_empty and inbox.queued:
                self.events.append(MESSAGE_READY)
            if inbox.received != received:
                cost = inbox.cost
                for carrier in self.carriers.values():
                    if cost >= carrier.ack_at_cost and not carrier.due:
                        self._look(carrier)

    def _take_control(self, intake: Intake, kind: int, payload: bytes) -> None:
        """Take a frame about the session or a carrier."""
        if kind == NEXT:
            intake.expected = decode_next(payload)
        elif kind == SELECT:
            self._selected_by_peer(*decode_select(payload))
        elif kind in (PING, PONG):
            carrier_id, opaque = decode_ping(payload)
            carrier = self.carriers.get(carrier_id)
            if carrier is None:
                return
            if kind == PING:
                self._control(carrier, encode_pong(carrier_id, opaque))
            elif carrier.nonce and carrier.nonce == opaque:
                self.prove(carrier)
            else:
                self.events.append(Echoed(carrier, opaque))
        elif kind == BEAT:
            # The shortest ever asked for: a proxy may repeat an old request.
            seconds = decode_beat(payload)
            if self.beat is None or seconds < self.beat:
                self.beat: float | None = seconds
                self.events.append(BEAT_ASKED)
        elif kind == LEAVE and intake.carrier is not None and not intake.carrier.leaving:
            intake.carrier.leaving = True
            self.events.append(CarrierLeaves(intake.carrier))

    def _take_waiting(self) -> None:
        """Take the frames that waited for the one that has just come."""
        inbox, waiting = self.inbox, self._reorder
        waiting.pop(inbox.received)
        while (frame := waiting.pop(inbox.received + 1)) is not None:
            kind = frame[0]
            inbox.accept(*frame)
            if kind == CLOSE or inbox.too_big:
                self._ends_with(kind)

    def _ends_with(self, kind: int) -> None:
        """Take the frame that has just come for the end: CLOSE, or a message that is too long."""
        if kind == CLOSE:
            self._close_received()
            self._reorder.clear()
        elif self.state is State.OPEN:
            self.close(1009, f"a message is over the bound of {self._limits.max_message} bytes")
        else:
            self._look(*self.carriers.values())  # what is dropped makes room

    def _close_received(self) -> None:
        answers = self.state is State.OPEN
        self._move(Step.CLOSE_RECEIVED)
        if answers and self.inbox.closed is not None:
            self.outbox.append(closing(self.inbox.closed.code, self.inbox.closed.reason))
        self._look(*self.carriers.values())
        self._look_for_end()
