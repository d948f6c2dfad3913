"""The driver: keeps a client's session carried, by one transport after another.

Knows: the order of attempts, what each outcome means for the session.
Must not know: how a transport carries frames, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx

from byway.errors import Attempt, CarrierLost, NoTransport, Refused
from byway.handshake import Open
from byway.live import Attachment, LiveSession
from byway.negotiation import Preference, Sequence
from byway.session import State
from byway.transports import REGISTRY
from byway.transports.dial import Dial

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

logger: logging.Logger = logging.getLogger("byway.client")


class Driver:
    """Opens carriers until the session is over.

    Attributes:
        live: the session.
        attempts: what was tried until the session opened, in order.
        opening: OPEN of the first carrier, once it came.
        headers: the headers that came with it.
        plain: the WebSocket of a server that does not speak byway, if one answered.
    """

    def __init__(
        self,
        live: LiveSession,
        preference: Preference,
        make_dial: Callable[
            [
                Callable[[Open, Attachment, httpx.Headers], None],
                Callable[[ClientConnection], Awaitable[None]],
            ],
            Dial,
        ],
    ) -> None:
        """Prepare; `open` starts it."""
        self.live = live
        self.attempts: list[Attempt] = []
        self.opening: Open | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self.plain: ClientConnection | None = None
        self._preference = preference
        self._sequence = Sequence(preference)
        self._dial = make_dial(self._opened, self._plain_opened)
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._carriers = 0
        self._patience = 0.0

    async def open(self, timeout: float) -> None:
        """Open the session over the first transport that gets through.

        Args:
            timeout: seconds for all attempts together. Each has its share of them.

        Raises:
            Refused: the application refused the session.
            NoTransport: nothing got through in time.
        """
        self._patience = timeout / len(self._preference.order)
        self._task = asyncio.create_task(
            self._keep_carried(), name=f"byway client {self.live.name}"
        )
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {self._task, ready}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not self._ready.is_set():
                if self._task.done():
                    self._task.result()
                raise NoTransport(self.attempts)
        except BaseException:
            await self.aclose()
            raise
        finally:
            ready.cancel()

    async def finish(self, timeout: float) -> None:
        """Wait until the session is over and its last words are said, then let go.

        Args:
            timeout: seconds to wait at most.
        """
        try:
            if self._task is not None:
                await asyncio.wait({self._task}, timeout=timeout)
        finally:
            self.live.abort(1006, "the close was not acknowledged in time")
            await self.aclose()

    async def aclose(self) -> None:
        """Let go of everything at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._dial.aclose()

    def _opened(self, opening: Open, link: Attachment, headers: httpx.Headers) -> None:
        self.live.core.select(link.carrier)
        self._sequence.worked()
        if self.opening is None:
            self.opening = opening
            self.headers = headers
            self._ready.set()
        self.live.changed()

    async def _plain_opened(self, socket: ClientConnection) -> None:
        self.plain = socket
        self._ready.set()
        await socket.wait_closed()

    async def _keep_carried(self) -> None:
        try:
            await self._run()
        except Exception as error:
            if self._ready.is_set():
                logger.exception("session %s: the client failed", self.live.name)
                self.live.abort(1006, f"the client failed: {error}")
            else:
                raise

    async def _run(self) -> None:
        """Try transports in turn; stay with what works, go on when it is lost.

        Raises:
            Refused: the application refused the session.
            NoTransport: all were tried and none opened. Once one has, it goes on without end.
        """
        loop = asyncio.get_running_loop()
        while not self.live.core.finished:
            step = self._sequence.next()
            if step.delay:
                await asyncio.sleep(step.delay)
            started = loop.time()
            before = self._progress()
            closed = self.live.core.state is State.CLOSED
            error = await self._attempt(step.transport)
            if self.plain is not None or self.live.core.finished:
                break
            if error is None:
                continue
            if not self._ready.is_set():
                self._note_failure(step.transport, loop.time() - started, error)
            elif isinstance(error, Refused) or error.gone:
                self._gone(str(error))
            elif closed:
                # Both have closed. All that is left to say is an acknowledgement, by which the
                # server forgets the session before its window is over: one more try was enough.
                self._gone(str(error))
            else:
                logger.info("session %s: %s: %s", self.live.name, step.transport, error)
                lasted = loop.time() - started >= self._dial.heartbeat
                if lasted or self._progress() > before:
                    self._sequence.served()

    def _progress(self) -> int:
        """Count what went through, either way."""
        return self.live.core.inbox.received + self.live.core.outbox.first

    def _note_failure(self, transport: str, seconds: float, error: Refused | CarrierLost) -> None:
        answered = error.status if isinstance(error, Refused) else error.answered
        self.attempts.append(Attempt(transport, seconds, str(error), answered))
        logger.info("session %s: %s failed: %s", self.live.name, transport, error)
        if isinstance(error, Refused):
            error.attempts = tuple(self.attempts)
            raise error
        if len(self.attempts) == len(self._preference.order):
            raise NoTransport(self.attempts)

    def _gone(self, why: str) -> None:
        """Take in that the server does not have the session any more."""
        if self.live.core.state is State.OPEN:
            self.live.abort(1006, why)
        else:
            self.live.core.settle()
            self.live.changed()

    async def _attempt(self, name: str) -> Refused | CarrierLost | None:
        """Open one carrier and keep it until it ends; say why it did, None where all is over."""
        self._carriers += 1
        transport = REGISTRY[name]
        link = self.live.attach(
            self._carriers, name, ordered=transport.ordered, batched=transport.batched
        )
        carrying = asyncio.create_task(transport.carry(self._dial, link))
        opened = asyncio.create_task(link.opened.wait())
        try:
            done, _ = await asyncio.wait(
                {carrying, opened}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED
            )
            if not done and self.plain is None:
                return CarrierLost(f"no OPEN within {self._patience:.1f} s")
            await carrying
        except (Refused, CarrierLost) as error:
            return error
        finally:
            for task in (carrying, opened):
                task.cancel()
            await asyncio.gather(carrying, opened, return_exceptions=True)
            link.end("over" if self.live.core.finished else "lost")
        return None
