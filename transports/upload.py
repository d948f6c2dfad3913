"""The upload: one request whose body has no end, in the place of batches.

Knows: how frames go up in a body while it is written, in a client.
Must not know: how frames come down; how to tell whether they arrive (`http/upload.py`).

A message costs no request of its own then. Many proxies hold a body back until it is complete, and
some refuse one without a length, so it is used once a PING that went up in it has come back as a
PONG on the downlink; until then, and where it does not, batches go on.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from byway.errors import CarrierLost, ConnectError
from byway.frames import encode_ping
from byway.handshake import UP_ANSWER
from byway.runtime import LiveCarrier
from byway.session import joined
from byway.transports.base import stop
from byway.transports.http.upload import PING_INTERVAL, Move, Upload
from byway.transports.response_form import BINARY

if TYPE_CHECKING:
    from byway.transports.dial import Dial

logger: logging.Logger = logging.getLogger("byway.transports.upload")


class UploadRequest:
    """One upload of a client: proven first, then used until it ends, as `Upload` decides."""

    def __init__(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Prepare; `prove` starts the request."""
        self._dial = dial
        self._carrier = carrier
        self._go = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._rules = Upload(self._loop.time(), 0.0)
        self._echo: asyncio.Future[None] = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None

    async def prove(self, round_trip: float) -> bool:
        """Start the request, and say whether what goes up in it arrives while it is written.

        Args:
            round_trip: seconds that a round trip takes, about.
        """
        rules = self._rules = Upload(self._loop.time(), round_trip)
        first = encode_ping(self._carrier.core.id, self._expect_echo())
        self._task = self._loop.create_task(self._request(first))
        await asyncio.wait(
            {self._task, self._echo}, timeout=rules.within, return_when=asyncio.FIRST_COMPLETED
        )
        return rules.is_heard and not self._task.done()

    def _expect_echo(self) -> bytes:
        """Return what a PING is to carry, whose echo is awaited from now on."""
        nonce = secrets.token_bytes(8)
        self._echo = self._carrier.expect_echo(nonce)
        self._echo.add_done_callback(self._heard)
        self._rules.asked(self._loop.time())
        return nonce

    def _heard(self, echo: asyncio.Future[None]) -> None:
        if echo is self._echo and not echo.cancelled():
            self._rules.heard()

    async def run(self, flights: int) -> bool:
        """Bring everything up in the body until the session, or the carrier, is over.

        What was not acknowledged is written again afterwards.

        Args:
            flights: batches on their way; none may be.

        Returns:
            Whether the session or the carrier is over; False where batches have to go on.
        """
        if self._task is None or not self._rules.may_use(flights):
            return False
        core, carrier = self._carrier.live.core, self._carrier.core
        carrier.batched = False
        core.rewind(carrier)  # the last batches may have been lost; a gap would end the upload
        self._rules.use(self._loop.time(), carrier.cursor)
        self._go.set()
        watch = self._loop.create_task(self._watch())
        try:
            await asyncio.wait({self._task, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            carrier.batched = True
        error = self._task.exception() if self._task.done() else None
        if carrier.ended or core.finished:
            return True
        await self.aclose()
        self._dial.uploads &= self._rules.has_lasted(self._loop.time())
        logger.info(
            "session %s: the upload ended, sending batches again: %s",
            self._carrier.live.name,
            error or "no acknowledgement came",
        )
        core.rewind(carrier)
        return False

    async def aclose(self) -> None:
        """Break the request off, if it is there."""
        if self._task is not None:
            await stop(self._task)

    async def _request(self, first: bytes) -> None:
        dial, carrier = self._dial, self._carrier
        hello = dial.hello(carrier, UP_ANSWER)

        async def body() -> AsyncIterator[bytes]:
            yield hello.frame() + first
            await self._go.wait()
            while frames := await carrier.output(dial.heartbeat, silence=dial.silence):
                yield joined(frames)

        try:
            async with dial.request(hello, BINARY, body()):
                pass
        except ConnectError as error:  # a refusal: of the application's, but long after it accepted
            raise CarrierLost(str(error)) from error

    async def _watch(self) -> None:
        """Return when a PING that went up has not come back.

        Where nothing else goes up, it is the word by which the server knows that this side is
        there. Some proxies take no more of a body that has paused, and leave its response open.
        """
        silence = self._dial.silence - PING_INTERVAL
        while True:
            await asyncio.sleep(PING_INTERVAL)
            move = self._rules.look(self._loop.time(), self._carrier.core.cursor, silence)
            if move is Move.LOST:
                return
            if move is Move.PING:
                self._carrier.ask_echo(self._expect_echo())
