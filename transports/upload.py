"""The upload: one request whose body has no end, in the place of batches.

Knows: how frames go up in a body while it is written, and how to tell whether they arrive.
Must not know: how frames come down.

A message costs no request of its own then. Many proxies hold a body back until it is complete, and
some refuse one without a length, so it is used once a PING that went up in it has come back as a
PONG on the downlink; until then, and where it does not, batches go on.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from byway.errors import CarrierLost, ConnectError
from byway.frames import Decoder, Frame, encode_ping
from byway.handshake import UP_ANSWER
from byway.runtime import LiveCarrier, LiveSession
from byway.session import Intake, joined
from byway.transports.base import Exchange, first_of, stop
from byway.transports.form import BINARY

if TYPE_CHECKING:
    from byway.transports.dial import Dial

PROOF_TIMEOUT: Final = 1.0
"""Seconds, at least, in which the first PING has to come back; with a long round trip, more."""

ROUND_TRIPS: Final = 4
"""Round trips in which it has to come back, where these are longer than that."""

HEARD_TIMEOUT: Final = 3.0
"""Seconds in which a later PING has to come back, at least. Much may be on the downlink before
it; too short a time does no harm, since what was not acknowledged goes up again in batches."""

PING_INTERVAL: Final = 1.0
"""Seconds after which a PING follows what was said."""

LAST_PIECE: Final = 1.0
"""Seconds that a client has to end the body of a session that is over. On HTTP/2 Hypercorn 0.18
lets the whole connection hang when a body goes on after its answer (its issue 329)."""

LASTING: Final = 10.0
"""Seconds that an upload has to last, or none is tried again on that session."""

logger: logging.Logger = logging.getLogger("byway.transports.upload")


async def take_upload(
    exchange: Exchange, live: LiveSession, decoder: Decoder, frames: list[Frame], *, more: bool
) -> None:
    """Take frames as they come until the body, or the session, ends: the server's half.

    A newer upload of the session ends the older.

    Args:
        exchange: the call, of whose body the beginning has been read.
        live: the session.
        decoder: holds what was read of the next frame.
        frames: those that were whole by then, without HELLO.
        more: whether there is more to come.

    Raises:
        FrameError: the frames are against the protocol.
    """
    intake = Intake(ordered=True)
    newer = live.begin_upload()

    async def take() -> None:
        live.feed(intake, frames)
        coming = more
        while coming:
            event = await exchange.receive()
            if event["type"] == "http.disconnect":
                return
            live.feed(intake, decoder.feed(event.get("body", b"")))
            coming = event.get("more_body", False)
        decoder.finish()

    async def finished() -> None:
        await live.finished.wait()
        await asyncio.sleep(LAST_PIECE)

    async def followed() -> None:
        await newer.wait()

    await first_of(take(), finished(), followed())
    await exchange.acknowledge(UP_ANSWER, live, None)


class Upload:
    """One upload of a client: proven first, then used until it ends."""

    def __init__(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Prepare; `prove` starts the request."""
        self._dial = dial
        self._carrier = carrier
        self._go = asyncio.Event()
        self._longest = 0.0  # seconds that a PING may take
        self._pinged = 0.0
        self._loop = asyncio.get_running_loop()
        self._echo: asyncio.Future[None] = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None

    async def prove(self, round_trip: float) -> bool:
        """Start the request, and say whether what goes up in it arrives while it is written.

        Args:
            round_trip: seconds that a round trip takes, about.
        """
        self._longest = ROUND_TRIPS * round_trip
        nonce = self._expect_echo()
        first = encode_ping(self._carrier.core.id, nonce)
        self._task = self._loop.create_task(self._request(first))
        await asyncio.wait(
            {self._task, self._echo},
            timeout=max(PROOF_TIMEOUT, self._longest),
            return_when=asyncio.FIRST_COMPLETED,
        )
        return self._echo.done() and not self._task.done()

    def _expect_echo(self) -> bytes:
        """Return what a PING is to carry, whose echo is awaited from now on."""
        nonce = secrets.token_bytes(8)
        self._echo = self._carrier.expect_echo(nonce)
        self._pinged = self._loop.time()
        return nonce

    async def run(self) -> bool:
        """Bring everything up in the body until the session, or the carrier, is over.

        No batch may be on its way. What was not acknowledged is written again afterwards.

        Returns:
            Whether the session or the carrier is over; False where only the upload was lost.
        """
        assert self._task is not None
        core, carrier = self._carrier.live.core, self._carrier.core
        carrier.batched = False
        core.rewind(carrier)  # the last batches may have been lost; a gap would end the upload
        began = self._loop.time()
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
        if self._loop.time() - began < LASTING:
            self._dial.uploads = False
        logger.info(
            "session %s: back to batches: %s", self._carrier.live.name, error or "not heard"
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
        carrier = self._carrier.core
        longest = max(HEARD_TIMEOUT, self._longest)
        silence = self._dial.silence - PING_INTERVAL
        written = carrier.cursor
        while True:
            await asyncio.sleep(PING_INTERVAL)
            since = self._loop.time() - self._pinged
            if not self._echo.done():
                if since > longest:
                    return
            elif carrier.cursor != written or since >= silence:
                written = carrier.cursor
                self._carrier.ask_echo(self._expect_echo())
