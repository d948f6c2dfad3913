"""A session in an event loop: the application's tasks, and what follows from what happens.

Knows: asyncio, the session, the names of transports as words for the log.
Must not know: HTTP, WebSocket, ASGI, which side it is on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from byway.errors import UsageError
from byway.frames import Frame
from byway.limits import ServerLimits, SessionLimits
from byway.runtime.carrier import CarrierOpened, LiveCarrier
from byway.runtime.deadlines import Deadlines
from byway.session import BYWAY, Closed, Intake, Message, Peer, Session, State
from byway.session.events import (
    BEAT_ASKED,
    CLOSING,
    MESSAGE_READY,
    OVER,
    PEER_CLOSED,
    ROOM_GAINED,
    CarrierDue,
    CarrierEnded,
    Echoed,
    Event,
)

logger: logging.Logger = logging.getLogger("byway.session")


class LiveSession:
    """A `Session` whose application and carriers are tasks of one event loop.

    All methods belong to that loop. `send()` may be called by several tasks, `receive()` by one
    at a time.

    Attributes:
        name: for the log; no secret.
        level: of what it logs in the ordinary run of things.
        core: the session itself. Whoever calls one of its methods that change it calls `dispatch`.
        carriers: the attached carriers by id.
        on_event: called with what has happened, but for what only wakes a task of this session.
        window: seconds that the session is kept without a carrier.
        heard_at: when the peer has said something last.
        batch: bytes of one write, exceeded by at most one frame.
        transport_state: what the server's halves of transports keep with it, by what it is.
        longest_heartbeat: the longest that the peer may ask for, in seconds.
        closed: set once both sides have closed.
        finished: set once nothing is left to do.
    """

    def __init__(
        self,
        limits: SessionLimits,
        *,
        name: str,
        peer: Peer = BYWAY,
        on_finished: Callable[[LiveSession], None] | None = None,
        level: int = logging.INFO,
    ) -> None:
        """Start without a carrier.

        Args:
            limits: bounds of the session.
            name: for the log; no secret.
            peer: what the other side is able to do.
            on_finished: called once, when nothing is left to do.
            level: of what it logs in the ordinary run of things.
        """
        self.level: int = level
        self.name = name
        self.limits = limits
        self.core: Session = Session(limits, peer)
        self.carriers: dict[int, LiveCarrier] = {}
        self.last_id: int = 0  # the highest of a carrier
        self.closed: asyncio.Event = asyncio.Event()
        self.finished: asyncio.Event = asyncio.Event()
        self.on_event: Callable[[Event | CarrierOpened], None] | None = None
        self.window: float = limits.window
        self.batch: int = limits.batch
        self.transport_state: dict[str, Any] = {}
        self.longest_heartbeat: float = limits.heartbeat
        # No server asks its client for a heartbeat.
        self._least_heartbeat: float = (
            limits.least_heartbeat if isinstance(limits, ServerLimits) else limits.heartbeat
        )
        self._loop = asyncio.get_running_loop()
        self.heard_at: float = self._loop.time()
        self._on_finished = on_finished
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._senders = 0  # calls that wait; the lock is free for a moment between two of them
        self._deadlock_told = False
        self._deadlines = Deadlines(self)

    @property
    def server_limits(self) -> ServerLimits:
        """The limits of the server that has this session; not to be asked for on a client."""
        assert isinstance(self.limits, ServerLimits)
        return self.limits

    @property
    def heartbeat(self) -> float:
        """Longest silence on a downlink, in seconds: as the peer asked, within the bounds."""
        asked = self.core.beat
        if asked is None:
            return self.limits.heartbeat
        return min(max(asked, self._least_heartbeat), self.longest_heartbeat)

    # The application's side

    async def send(self, message: Message) -> None:
        """Send a message; wait while the outbox is full.

        A cancelled call has sent the whole message or nothing of it. Calls of several tasks are
        served in turn.

        Raises:
            ChannelClosed: the session is closing or closed.
            UsageError: a text holds a lone surrogate.
        """
        if self.try_send(message):
            return
        core = self.core
        self._senders += 1
        try:
            async with self._sending:
                while core.state is State.OPEN and not core.writable:
                    self._room = self._loop.create_future()
                    await self._room
                core.send(message)
        finally:
            self._senders -= 1
        self.dispatch()

    def try_send(self, message: Message) -> bool:
        """Send a message if that needs no wait, and say whether it was sent.

        Raises:
            ChannelClosed: the session is closing or closed.
            UsageError: a text holds a lone surrogate.
        """
        core = self.core
        if self._senders or not core.writable:
            return False
        core.send(message)
        if core.events:
            self.dispatch()
        return True

    async def receive(self) -> Message | Closed:
        """Wait for the next message, or for the end once all messages were read.

        Cancelling it loses nothing.

        Raises:
            UsageError: another task is waiting already.
        """
        core = self.core
        while core.state is State.OPEN and not core.inbox.queued:
            if self._reader is not None:
                raise UsageError("another task is already waiting in receive()")
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        got = core.receive()
        assert got is not None
        if core.events:
            self.dispatch()
        return got

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start closing: CLOSE goes after everything sent, unread messages are dropped.

        Raises:
            UsageError: the code or the reason may not be sent.
        """
        self.core.close(code, reason)
        self.dispatch()

    def abort(self, code: int, reason: str) -> None:
        """End at once, without a handshake."""
        if not self.core.finished:
            logger.log(self.level, "session %s lost: %d %s", self.name, code, reason)
        self.core.abort(code, reason)
        self.dispatch()

    def ask_heartbeat(self, seconds: float) -> None:
        """Ask, as the client, for a downlink that is never silent for longer.

        It is told on every carrier. Only a shorter one than the last changes anything, and the
        server has its bounds (`ServerLimits.least_heartbeat`).
        """
        self.core.ask_beat(seconds)
        self.dispatch()

    def let_go(self, why: str) -> None:
        """Take it that the other side has gone for good: lost, unless it was being closed."""
        if self.core.state is State.OPEN:
            self.abort(1006, why)
        else:
            self.core.settle()
            self.dispatch()

    # The carriers' side

    def attach(
        self,
        carrier_id: int,
        transport: str,
        *,
        ordered: bool,
        batched: bool = False,
        received: int = 0,
    ) -> LiveCarrier:
        """Attach a carrier; see `Session.attach`.

        Raises:
            FrameError: the id is attached already, or `received` was never sent.
        """
        core = self.core.attach(carrier_id, ordered=ordered, batched=batched, received=received)
        carrier = LiveCarrier(self, core, transport)
        self.carriers[carrier_id] = carrier
        self.last_id = max(self.last_id, carrier_id)
        self.dispatch()
        return carrier

    def renew(self, carrier: LiveCarrier) -> None:
        """Put, as the client, a new carrier into the place of one: it is another visit.

        What is on its way up goes on, and so does what has been proven.
        """
        core, before = self.core, carrier.core
        chosen = core.selected is before
        del self.carriers[before.id]
        core.detach(before, "another visit has followed")
        after = core.attach(max(self.last_id, before.id) + 1, ordered=False, batched=True)
        after.cursor, after.proven = before.cursor, before.proven
        self.last_id = after.id
        self.carriers[after.id] = carrier
        carrier.core = after
        if chosen:
            core.select(after)
        self.dispatch()

    def feed(self, intake: Intake, frames: list[Frame]) -> None:
        """Take frames that arrived.

        Raises:
            FrameError: a frame is against the protocol.
        """
        self.heard_at = self._loop.time()
        try:
            self.core.feed(intake, frames)
        finally:
            if self.core.events:
                self.dispatch()

    def acknowledge(self, received: int, room: int) -> None:
        """Take what a HELLO or OPEN says of the peer's inbox.

        Raises:
            FrameError: more was received than was ever sent.
        """
        self.heard_at = self._loop.time()
        self.core.acknowledge(received, room)
        if self.core.events:
            self.dispatch()

    @property
    def transport(self) -> str | None:
        """Name of the transport in use: the selected carrier's, else the newest one's."""
        selected = self.core.selected
        for carrier in reversed(self.carriers.values()):
            if selected is None and carrier.opened.is_set() or carrier.core is selected:
                return carrier.transport
        return None

    def expect_words(self) -> None:
        """End the session when the peer has said nothing for `limits.silence` and the window."""
        self._deadlines.expect_words()

    def start_window(self) -> None:
        """Start counting how long the session is without a carrier."""
        self._deadlines.start_window()

    def stop_window(self) -> None:
        """Stop counting: a carrier is there."""
        self._deadlines.stop_window()

    def look_for_deadlock(self) -> None:
        """Log, once, that both applications wait in `send()` and neither reads.

        Called where nothing has moved for a heartbeat.
        """
        if self.core.outbox.starved and not self.core.inbox.room and not self._deadlock_told:
            self._deadlock_told = True
            logger.warning(
                "session %s: both inboxes are full: both applications send and neither reads",
                self.name,
            )

    # What follows from what has happened

    def dispatch(self) -> None:
        """Tell everybody what the session says has happened."""
        core = self.core
        while events := core.events:
            core.events = []
            for event in events:
                if isinstance(event, CarrierDue):
                    carrier = self.carriers.get(event.carrier.id)
                    waiter = None if carrier is None else carrier.waiter
                    if waiter is not None and not waiter.done():
                        waiter.set_result(True)
                elif event is MESSAGE_READY:
                    reader = self._reader
                    if reader is not None and not reader.done():
                        reader.set_result(None)
                elif event is ROOM_GAINED:
                    _wake(self._room)
                else:
                    self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, CarrierEnded):
            self._remove(event.carrier.id)
        elif isinstance(event, Echoed):
            if (carrier := self.carriers.get(event.carrier.id)) is not None:
                carrier.take_echo(event.nonce)
        elif event is BEAT_ASKED:
            for carrier in self.carriers.values():
                carrier.hurry(self.heartbeat)
        elif event is CLOSING:
            _wake(self._reader)
            _wake(self._room)
            self._deadlines.start_linger()
        elif event is PEER_CLOSED:
            self.closed.set()
        elif event is OVER:
            self._finish()
        if self.on_event is not None:
            self.on_event(event)

    def _finish(self) -> None:
        core = self.core
        self.finished.set()
        self._deadlines.stop()
        for carrier in self.carriers.values():
            carrier.wake()
        if core.state is State.CLOSED and core.end is not None:
            logger.log(self.level, "session %s closed: %d", self.name, core.end.code)
        if core.inbox.dropped:
            logger.log(
                self.level,
                "session %s: closed with %d unread messages",
                self.name,
                core.inbox.dropped,
            )
        if self._on_finished is not None:
            self._on_finished(self)

    def _remove(self, carrier_id: int) -> None:
        carrier = self.carriers.get(carrier_id)
        if carrier is None or not carrier.core.ended:
            return
        del self.carriers[carrier_id]
        carrier.stop_timer()
        carrier.wake()
        reason = carrier.core.ended
        logger.log(
            self.level, "session %s: %s carrier ended: %s", self.name, carrier.transport, reason
        )
        if carrier.opened.is_set() and not any(
            one.opened.is_set() for one in self.carriers.values()
        ):
            self.start_window()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
