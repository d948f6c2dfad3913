"""A carrier in an event loop: its task that writes, and its timers.

Knows: asyncio, the carrier as the session sees it.
Must not know: HTTP, WebSocket, ASGI, which side it is on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byway.errors import CarrierLost, FrameError
from byway.frames import Frame
from byway.session import Carrier, Output

if TYPE_CHECKING:
    from byway.runtime.session import LiveSession

logger: logging.Logger = logging.getLogger("byway.session")

LATE: Final = 2.0
"""Heartbeats of silence after which a carrier counts as dead."""


@dataclass(frozen=True, slots=True)
class CarrierOpened:
    """A carrier counts as one that the session has, from now on."""

    carrier: LiveCarrier


class LiveCarrier:
    """One carrier of a live session: what both halves of a transport work with.

    Attributes:
        live: the session.
        core: the carrier as the session sees it.
        transport: name of its transport.
        began: when it was attached.
        moved: when something last went over its connection.
        transport_state: what the server's half of its transport keeps with it.
        waiter: what `output` waits for now; True lets it look again.
        opened: set once it counts as a carrier that the session has. A server's does at once,
            a client's when OPEN has come.
    """

    def __init__(self, live: LiveSession, core: Carrier, transport: str) -> None:
        """Join a carrier to its session. Made by `LiveSession.attach`."""
        self.live = live
        self.core = core
        self.transport = transport
        self.opened: asyncio.Event = asyncio.Event()
        self.transport_state: Any = None
        self.waiter: asyncio.Future[bool] | None = None
        self._deferred: asyncio.Future[bool] | None = None
        self._stops = 0
        self._loop = asyncio.get_running_loop()
        self.began: float = self._loop.time()
        self.moved: float = self.began
        self._pause = 0.0  # what `output` waits for now
        self._timer: asyncio.TimerHandle | None = None
        self._echo: tuple[bytes, asyncio.Future[None]] | None = None

    # What is said about it

    def establish(self) -> None:
        """Count it as a carrier that the session has."""
        self.opened.set()
        live = self.live
        live.stop_window()
        if live.on_event is not None:
            live.on_event(CarrierOpened(self))
        logger.log(live.level, "session %s: %s carrier opened", live.name, self.transport)

    def select(self) -> None:
        """Choose it, as the client; see `Session.select`."""
        self.live.core.select(self.core)
        self.live.dispatch()

    def ping(self, nonce: bytes) -> None:
        """Ask for the PONG that proves it; see `Session.ping`."""
        self.live.core.ping(self.core, nonce)
        self.live.dispatch()

    def prove(self) -> None:
        """Take it for proven: a request of its own was answered, as a PING would be."""
        self.live.core.prove(self.core)
        self.live.dispatch()

    def ask_echo(self, nonce: bytes) -> None:
        """Ask for a PONG with these bytes, for what `expect_echo` returns."""
        self.live.core.ask_echo(self.core, nonce)
        self.live.dispatch()

    def expect_echo(self, nonce: bytes) -> asyncio.Future[None]:
        """Return what is done when a PONG with these bytes comes; one is awaited at a time."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._echo = nonce, future
        return future

    def take_echo(self, nonce: bytes) -> None:
        """Take the bytes of a PONG that has come."""
        if self._echo is not None and self._echo[0] == nonce:
            if not self._echo[1].done():
                self._echo[1].set_result(None)
            self._echo = None

    # What it carries

    def feed(self, frames: list[Frame]) -> None:
        """Take frames that arrived on this carrier.

        Raises:
            FrameError: a frame is against the protocol; the carrier has ended for it.
            CarrierLost: the carrier had ended before.
        """
        carrier, live = self.core, self.live
        if carrier.ended:
            raise CarrierLost(carrier.ended)
        core = live.core
        self.moved = live.heard_at = self._loop.time()
        try:
            core.feed(carrier.intake, frames)
        except FrameError as error:
            core.detach(carrier, str(error))
            raise
        finally:
            if core.events:
                live.dispatch()

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
        live = self.live
        core, size = live.core, min(size or live.batch, live.batch)
        spent, stops = 0.0, self._stops
        while not (carrier := self.core).ended and self._stops == stops:
            if carrier.due and (frames := core.take(carrier, size)):
                if core.events:
                    live.dispatch()
                return frames
            if core.finished:
                self.end("the session is over")
                break
            waiter: asyncio.Future[bool] = self._loop.create_future()
            self.waiter = waiter
            pause = self._pause = live.heartbeat if beat is None else beat
            if spent and silence:
                pause = self._pause = min(pause, silence - spent)
            timer = self._loop.call_later(pause, _resolve, waiter)
            try:
                woken = await waiter
            finally:
                timer.cancel()
                if self.waiter is waiter:
                    self.waiter = None
                elif self._deferred is waiter:
                    self._deferred = None
            carrier = self.core
            if not woken and not carrier.ended:
                spent += pause
                live.look_for_deadlock()
                if spent >= (silence or 0) or core.unannounced(carrier):
                    return core.take(carrier, size, beat=True)
        return []

    def wake(self) -> None:
        """Let the `output` that waits look again."""
        waiter = self.waiter or self._deferred
        if waiter is not None and not waiter.done():
            waiter.set_result(True)

    def defer(self) -> None:
        """Let the `output` that waits overlook what becomes due, until `resume`.

        What is due may be taken meanwhile, to be written in another way.
        """
        if self.waiter is not None:
            self._deferred, self.waiter = self.waiter, None

    def resume(self) -> None:
        """Take back `defer`: what is still due now is written by the `output` that waits."""
        deferred, self._deferred = self._deferred, None
        if deferred is None or deferred.done() or self.waiter is not None:
            return
        self.waiter = deferred
        if self.core.due:
            deferred.set_result(True)

    def hurry(self, pause: float) -> None:
        """Let the `output` that waits wait no longer than this, in seconds."""
        if pause < self._pause:
            self.wake()

    def stop(self) -> None:
        """Let the `output` that is called now return nothing; the carrier stays."""
        self._stops += 1
        self.wake()

    # Its end

    def end(self, reason: str) -> None:
        """Say that this carrier has ended. The session goes on with another."""
        self.live.core.detach(self.core, reason)
        self.live.dispatch()

    def end_after(self, seconds: float, reason: str) -> None:
        """End this carrier unless `stop_timer` is called in time."""
        self.stop_timer()
        if not self.core.ended:
            self._timer = self._loop.call_later(seconds, self.end, reason)

    def leave_after(self, seconds: float) -> None:
        """Announce the end of this carrier after a time, and end it once another is selected.

        A peer that takes no notice of it loses the carrier two heartbeats later.
        """
        self.stop_timer()
        if not self.core.ended:
            self._timer = self._loop.call_later(seconds, self.leave)

    def leave(self) -> None:
        """Announce the end of this carrier now; see `leave_after`."""
        if self.core.ended:
            return
        self.live.core.leave(self.core)
        self.live.dispatch()
        self.end_after(LATE * self.live.heartbeat, "its time was over")

    def stop_timer(self) -> None:
        """Take back `end_after` and `leave_after`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _resolve(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
