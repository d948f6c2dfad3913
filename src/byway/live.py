"""A session in an event loop: who waits for what.

Knows: asyncio, the session, the names of transports as words for the log.
Must not know: HTTP, WebSocket, ASGI, which side it is on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from byway.errors import CarrierLost, FrameError, UsageError
from byway.frames import Frame
from byway.limits import Limits
from byway.session import BYWAY, Carrier, Closed, Intake, Message, Output, Peer, Session, State
from byway.session.fit import Fit

logger: logging.Logger = logging.getLogger("byway.session")

LATE: Final = 2.0
"""Heartbeats of silence after which a carrier counts as dead."""


class LiveSession:
    """A `Session` whose application and carriers are tasks of one event loop.

    All methods belong to that loop. `send()` may be called by several tasks, `receive()` by one
    at a time.

    Attributes:
        name: for the log; no secret.
        level: of what it logs in the ordinary run of things.
        core: the session itself.
        attachments: the attached carriers by id.
        on_change: called when a carrier has been proven, or is going to end, or the session is
            over.
        window: seconds that the session is kept without a carrier.
        batch: bytes of one write, exceeded by at most one frame.
        fit: how large answers may be, where the downlink is a series of them.
        longest_heartbeat: the longest that the peer may ask for, in seconds.
        closed: set once both sides have closed.
        finished: set once nothing is left to do.
    """

    def __init__(
        self,
        limits: Limits,
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
        self.attachments: dict[int, Attachment] = {}
        self.last_id: int = 0  # the highest of a carrier
        self.closed: asyncio.Event = asyncio.Event()
        self.finished: asyncio.Event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._on_finished = on_finished
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._senders = 0  # calls that wait; the lock is free for a moment between two of them
        self._deadlock_told = False
        self._look_at = 0  # the cost read at which the carriers are woken next
        self._window: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._heard = self._loop.time()
        self._silence: asyncio.TimerHandle | None = None
        self._newer_upload = asyncio.Event()
        self.on_change: Callable[[], None] | None = None
        self.window: float = limits.window
        self.batch: int = limits.batch
        self.fit: Fit = Fit(limits.batch)
        self.longest_heartbeat: float = limits.heartbeat

    @property
    def heartbeat(self) -> float:
        """Longest silence on a downlink, in seconds: as the peer asked, within the bounds."""
        asked = self.core.beat
        if asked is None:
            return self.limits.heartbeat
        return min(max(asked, self.limits.least_heartbeat), self.longest_heartbeat)

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
        for attachment in self.attachments.values():
            attachment.wake()

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
        if core.outbox.flowing:
            for attachment in self.attachments.values():
                attachment.wake()
        return True

    async def receive(self) -> Message | Closed:
        """Wait for the next message, or for the end once all messages were read.

        Cancelling it loses nothing.

        Raises:
            UsageError: another task is waiting already.
        """
        if (message := self.try_receive()) is not None:
            return message
        while (got := self.core.receive()) is None:
            if self._reader is not None:
                raise UsageError("another task is waiting in receive() already")
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        self._was_read()
        return got

    def try_receive(self) -> Message | None:
        """Return the next message if that needs no wait, else None."""
        inbox = self.core.inbox
        message = inbox.pop()
        if message is not None and (inbox.read >= self._look_at or not len(inbox)):
            self._was_read()
        return message

    def _was_read(self) -> None:
        # Looking costs more than reading. It is done when an acknowledgement may have become due.
        inbox = self.core.inbox
        self._look_at = inbox.read + inbox.bound // 8
        for attachment in self.attachments.values():
            attachment.wake()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start closing: CLOSE goes after everything sent, unread messages are dropped.

        Raises:
            UsageError: the code or the reason may not be sent.
        """
        self.core.close(code, reason)
        self.changed()

    def abort(self, code: int, reason: str) -> None:
        """End at once, without a handshake."""
        if not self.core.finished:
            logger.log(self.level, "session %s lost: %d %s", self.name, code, reason)
        self.core.abort(code, reason)
        self.changed()

    def ask_heartbeat(self, seconds: float) -> None:
        """Ask, as the client, for a downlink that is never silent for longer.

        It is told on every carrier. Only a shorter one than the last changes anything, and the
        server has its bounds (`Limits.least_heartbeat`).
        """
        self.core.ask_beat(seconds)
        self.changed()

    def begin_upload(self) -> asyncio.Event:
        """Say that an upload begins; what is returned is set when a newer one does."""
        self._newer_upload.set()
        self._newer_upload = asyncio.Event()
        return self._newer_upload

    def let_go(self, why: str) -> None:
        """Take it that the other side has gone for good: lost, unless it was being closed."""
        if self.core.state is State.OPEN:
            self.abort(1006, why)
        else:
            self.core.settle()
            self.changed()

    # The carriers' side

    def attach(
        self,
        carrier_id: int,
        transport: str,
        *,
        ordered: bool,
        batched: bool = False,
        received: int = 0,
    ) -> Attachment:
        """Attach a carrier; see `Session.attach`.

        Raises:
            FrameError: the id is attached already, or `received` was never sent.
        """
        carrier = self.core.attach(carrier_id, ordered=ordered, batched=batched, received=received)
        attachment = Attachment(self, carrier, transport)
        self.attachments[carrier_id] = attachment
        self.last_id = max(self.last_id, carrier_id)
        self.changed()
        return attachment

    def renew(self, attachment: Attachment) -> None:
        """Put, as the client, a new carrier into the place of one: it is another visit.

        What is on its way up goes on, and so does what has been proven.
        """
        core, before = self.core, attachment.carrier
        chosen = core.selected is before
        del self.attachments[before.id]
        core.detach(before, "another visit has followed")
        carrier = core.attach(max(self.last_id, before.id) + 1, ordered=False, batched=True)
        carrier.cursor, carrier.proven = before.cursor, before.proven
        self.last_id = carrier.id
        self.attachments[carrier.id] = attachment
        attachment.carrier = carrier
        if chosen:
            core.select(carrier)

    def feed(self, intake: Intake, frames: list[Frame]) -> None:
        """Take frames that arrived.

        Raises:
            FrameError: a frame is against the protocol.
        """
        self.heard()
        try:
            self.core.feed(intake, frames)
        finally:
            self.changed()

    def acknowledge(self, received: int, room: int) -> None:
        """Take what a HELLO or OPEN says of the peer's inbox.

        Raises:
            FrameError: more was received than was ever sent.
        """
        self.heard()
        self.core.acknowledge(received, room)
        self.changed()

    @property
    def transport(self) -> str | None:
        """Name of the transport in use: the selected carrier's, else the newest one's."""
        selected = self.core.selected
        for attachment in reversed(self.attachments.values()):
            if selected is None and attachment.opened.is_set() or attachment.carrier is selected:
                return attachment.transport
        return None

    def heard(self) -> None:
        """Note that the peer has said something."""
        self._heard = self._loop.time()

    def expect_words(self) -> None:
        """End the session when the peer has said nothing for `limits.silence` and the window.

        A carrier that is attached proves nothing about the peer: many proxies keep the
        connection to the server open when the client has left.
        """
        longest = self.limits.silence + self.window
        unheard = self._loop.time() - self._heard
        if unheard >= longest:
            self.abort(1006, f"the peer has said nothing for {longest:g} s")
        elif not self.core.finished:
            self._silence = self._loop.call_later(longest - unheard, self.expect_words)

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

    # What follows from a change

    def changed(self) -> None:
        """Wake everybody whose wait may be over."""
        core = self.core
        for attachment in list(self.attachments.values()):
            if attachment.carrier.ended:
                self._remove(attachment)
            attachment.wake()
        self.wake_sender()
        if self._reader is not None and (len(core.inbox) or core.end is not None):
            _wake(self._reader)
        if core.state is not State.OPEN and self._linger is None and not self.finished.is_set():
            self._linger = self._loop.call_later(
                self.window, self.abort, 1006, "the close was not acknowledged in time"
            )
        if core.state is State.CLOSED:
            self.closed.set()
        if core.finished and not self.finished.is_set():
            self.finished.set()
            for timer in (self._window, self._linger, self._silence):
                if timer is not None:
                    timer.cancel()
            if core.state is State.CLOSED and core.end is not None:
                logger.log(self.level, "session %s closed: %d", self.name, core.end.code)
            if core.inbox.dropped:
                dropped = core.inbox.dropped
                logger.log(
                    self.level, "session %s: %d messages came unread to its end", self.name, dropped
                )
            if self._on_finished is not None:
                self._on_finished(self)
            if self.on_change is not None:
                self.on_change()

    def wake_sender(self) -> None:
        """Wake the `send()` that waits, if there is room now or never will be."""
        if self._room is not None and (self.core.writable or self.core.state is not State.OPEN):
            _wake(self._room)

    def _remove(self, attachment: Attachment) -> None:
        if self.attachments.pop(attachment.carrier.id, None) is None:
            return
        attachment.stop_timer()
        reason = attachment.carrier.ended
        logger.log(
            self.level, "session %s: %s carrier ended: %s", self.name, attachment.transport, reason
        )
        if attachment.opened.is_set() and not any(
            one.opened.is_set() for one in self.attachments.values()
        ):
            self.start_window()

    def start_window(self) -> None:
        """Start counting how long the session is without a carrier."""
        if self._window is None and not self.core.finished:
            self._window = self._loop.call_later(self.window, self._expire)

    def _expire(self) -> None:
        self.abort(1006, f"no carrier for {self.window:g} s")

    def stop_window(self) -> None:
        """Stop counting: a carrier is there."""
        if self._window is not None:
            self._window.cancel()
            self._window = None


class Attachment:
    """One carrier of a live session: what both halves of a transport work with.

    Attributes:
        live: the session.
        carrier: the carrier as the session sees it.
        transport: name of its transport.
        began: when it was attached.
        moved: when something last went over its connection.
        polls: requests that made up this carrier, where it is a series of them.
        answer: what the newest of those is answered, for its repeats.
        opened: set once it counts as a carrier that the session has. A server's does at once,
            a client's when OPEN has come.
    """

    def __init__(self, live: LiveSession, carrier: Carrier, transport: str) -> None:
        """Join a carrier to its session. Made by `LiveSession.attach`."""
        self.live = live
        self.carrier = carrier
        self.transport = transport
        self.opened: asyncio.Event = asyncio.Event()
        self.polls = 0
        self.answer: asyncio.Future[bytes] | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._stops = 0
        self._loop = asyncio.get_running_loop()
        self.began: float = self._loop.time()
        self.moved: float = self.began
        self._pause = 0.0  # what `output` waits for now
        self._timer: asyncio.TimerHandle | None = None
        self._echo: tuple[bytes, asyncio.Future[None]] | None = None

    def expect_echo(self, nonce: bytes) -> asyncio.Future[None]:
        """Return what is done when a PONG with these bytes comes; one is awaited at a time."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._echo = nonce, future
        return future

    def prove(self) -> None:
        """Take it for proven: a request of its own was answered, as a PING would be."""
        self.carrier.proven = True
        if self.live.on_change is not None:
            self.live.on_change()

    def establish(self) -> None:
        """Count it as a carrier that the session has."""
        self.opened.set()
        self.live.stop_window()
        live = self.live
        logger.log(live.level, "session %s: %s carrier opened", live.name, self.transport)

    def feed(self, frames: list[Frame]) -> None:
        """Take frames that arrived on this carrier.

        Raises:
            FrameError: a frame is against the protocol; the carrier has ended for it.
            CarrierLost: the carrier had ended before.
        """
        if self.carrier.ended:
            raise CarrierLost(self.carrier.ended)
        before = self.carrier.proven, self.carrier.leaving
        self.touch()
        try:
            self.live.feed(self.carrier.intake, frames)
            if self._echo is not None and self.carrier.echoed == self._echo[0]:
                _wake(self._echo[1])
                self._echo = None
            after = self.carrier.proven, self.carrier.leaving
            if after != before and self.live.on_change is not None:
                self.live.on_change()
        except FrameError as error:
            self.end(str(error))
            raise

    async def output(
        self, beat: float | None = None, *, silence: float | None = None, size: int | None = None
    ) -> list[Output]:
        """Wait for frames to write on this carrier.

        Only one task a carrier may wait here. Cancelling it loses nothing.

        Args:
            beat: seconds after which an ACK is returned, if frames came that it can acknowledge;
                by default the heartbeat of the session.
            silence: seconds after which an ACK is returned in any case; by default, and at least,
                `beat`.
            size: bytes of numbered frames to return, exceeded by at most one; by default, and at
                most, `live.batch`.

        Returns:
            Frames, at most about `live.batch` bytes; none once the carrier or the
            session has ended, or after `stop()`.
        """
        core, size = self.live.core, min(size or self.live.batch, self.live.batch)
        spent, stops = 0.0, self._stops
        while not (carrier := self.carrier).ended and self._stops == stops:
            if core.pending(carrier):
                frames = core.take(carrier, size)
                if not core.peer.acknowledges:
                    self.live.wake_sender()  # nobody acknowledges; what is written makes room
                return frames
            if core.finished:
                self.end("the session is over")
                break
            waiter: asyncio.Future[bool] = self._loop.create_future()
            self._waiter = waiter
            pause = self._pause = self.live.heartbeat if beat is None else beat
            if spent and silence:
                pause = self._pause = min(pause, silence - spent)
            timer = self._loop.call_later(pause, self._resolve, waiter, False)
            try:
                woken = await waiter
            finally:
                timer.cancel()
                if self._waiter is waiter:
                    self._waiter = None
            carrier = self.carrier
            if not woken and not carrier.ended:
                spent += pause
                self.live.look_for_deadlock()
                if spent >= (silence or 0) or core.unannounced(carrier):
                    return core.take(carrier, size, beat=True)
        return []

    @staticmethod
    def _resolve(waiter: asyncio.Future[bool], woken: bool) -> None:
        if not waiter.done():
            waiter.set_result(woken)

    def wake(self) -> None:
        """Let `output` look again, if there is something to see."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        core, carrier = self.live.core, self.carrier
        shorter = core.beat is not None and self.live.heartbeat < self._pause
        if carrier.ended or core.finished or core.pending(carrier) or shorter:
            waiter.set_result(True)

    def touch(self) -> None:
        """Note that something went over its connection, either way."""
        self.moved = self._loop.time()

    def stop(self) -> None:
        """Let the `output` that is called now return nothing; the carrier stays."""
        self._stops += 1
        if self._waiter is not None:
            self._resolve(self._waiter, True)

    def end(self, reason: str) -> None:
        """Say that this carrier has ended. The session goes on with another."""
        self.live.core.detach(self.carrier, reason)
        self.live.changed()

    def end_after(self, seconds: float, reason: str) -> None:
        """End this carrier unless `stop_timer` is called in time."""
        self.stop_timer()
        if not self.carrier.ended:
            self._timer = self._loop.call_later(seconds, self.end, reason)

    def leave_after(self, seconds: float) -> None:
        """Announce the end of this carrier after a time, and end it once another is selected.

        A peer that takes no notice of it loses the carrier two heartbeats later.
        """
        self.stop_timer()
        if not self.carrier.ended:
            self._timer = self._loop.call_later(seconds, self.leave)

    def leave(self) -> None:
        """Announce the end of this carrier now; see `leave_after`."""
        if self.carrier.ended:
            return
        self.live.core.leave(self.carrier)
        self.live.changed()
        self.end_after(LATE * self.live.heartbeat, "its time was over")

    def stop_timer(self) -> None:
        """Take back `end_after` and `leave_after`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
