"""The uplink of every HTTP transport: batches, each a POST of its own.

Knows: how frames go up in requests, and what to do when one is not answered.
Must not know: how frames come down.

Batches are numbered like everything else, so a repeated one does no harm, and what accumulates
while one is on its way is the next. One is on its way at a time, so they arrive in order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from byway.errors import CarrierLost
from byway.frames import Frame, encode_ack
from byway.handshake import ACK_ANSWER, Hello
from byway.limits import MAX_PART
from byway.live import Attachment, LiveSession
from byway.session import State
from byway.transports.base import Exchange, first_of

if TYPE_CHECKING:
    from byway.transports.dial import Dial

FIRST_RETRY: Final = 0.1
"""Seconds that the first retry of a batch waits at most; the bound doubles with each later one."""


LAST_WORDS: Final = 2.0
"""Seconds that an acknowledgement may take once both sides have closed."""

TOO_LARGE: Final = 413
"""The HTTP status that says that a request was too large."""

logger: logging.Logger = logging.getLogger("byway.transports.uplink")


async def answer_batch(exchange: Exchange, live: LiveSession, hello: Hello) -> None:
    """Answer a batch, whose frames were taken already, with ACK: the server's half.

    It is answered at once even without room: the room that comes later is announced on the
    downlink. Holding the answer would hold the client's next acknowledgement with it.
    """
    link = live.attachments.get(hello.carrier)
    ack = encode_ack(*live.core.announce(link.carrier if link else None))
    await exchange.start(ACK_ANSWER, "application/octet-stream", length=len(ack))
    await exchange.body(ack, more=False)


def first_words(link: Attachment) -> bytes:
    """Return the frames that ride in the request that opens a carrier.

    A carrier that follows another need not open first to bring up what waits: that would cost a
    round trip. There is not much of it, so that no path takes offence at its size.
    """
    return b"".join(link.live.core.take(link.carrier, MAX_PART))


async def send_batches(dial: Dial, link: Attachment) -> None:
    """Bring up what the session has to say until it is over: the client's half.

    Raises:
        CarrierLost: no batch got through for two heartbeats; the session is gone; or one failed
            when both sides had closed.
    """
    live, core, carrier = link.live, link.live.core, link.carrier
    loop = asyncio.get_running_loop()
    failing_since: float | None = None
    failures, delay, size = 0, FIRST_RETRY, live.batch
    while frames := await link.output(dial.heartbeat, silence=dial.silence, size=size):
        try:
            await dial.batch(link, b"".join(frames))
        except CarrierLost as error:
            if error.gone:
                raise
            if error.answered == TOO_LARGE and size == 1:
                live.abort(1006, f"the way up refuses a request of one frame: {error}")
                return
            failures += 1
            if error.answered == TOO_LARGE:
                live.batch = size = _half(size)  # the path will not change its mind
                logger.info("session %s: batches of %d bytes from now on", live.name, size)
            elif failures % 2 == 0:
                size = _half(size)  # some paths swallow what is too large for them
            now = loop.time()
            failing_since = failing_since or now
            if now - failing_since >= dial.patience:
                raise CarrierLost(
                    f"the uplink is dead: {error}", answered=error.answered
                ) from error
            core.rewind(carrier)
            if error.answered != TOO_LARGE:
                await asyncio.sleep(random.uniform(0, delay))  # full jitter
                delay = min(delay * 2, dial.heartbeat)
        else:
            failing_since, failures, delay = None, 0, FIRST_RETRY
            if core.outbox.first < carrier.cursor:
                core.rewind(carrier)  # the answer acknowledges less than was brought up


def _half(size: int) -> int:
    """Return half of a batch's size; below the size of a part, that of one frame."""
    return size // 2 if size > 2 * MAX_PART else 1


async def carry_endless(
    dial: Dial,
    link: Attachment,
    answer: str,
    content_type: str,
    decode: Callable[[bytes], list[Frame]],
) -> None:
    """Carry a session whose downlink is one endless answer, until the session is over.

    Args:
        dial: how to reach the server.
        link: the carrier.
        answer: the answer to ask for, a transport's name.
        content_type: the content type to accept.
        decode: turns the next bytes of the answer into the frames that are whole.

    Raises:
        Refused: the application refused the session.
        CarrierLost: see `carry_http`.
    """
    hello = dial.hello(link, answer)
    async with dial.request(hello, content_type, first_words(link)) as response:

        async def read() -> None:
            async for chunk in response.aiter_raw():
                dial.feed(link, decode(chunk), response.headers)

        await carry_http(dial, link, read())


async def carry_http(dial: Dial, link: Attachment, down: Coroutine[Any, Any, None]) -> None:
    """Run an HTTP downlink and the batches beside it until the session is over.

    Args:
        dial: how to reach the server.
        link: the carrier.
        down: reads the downlink and feeds it; it returns at the end of the answer.

    Raises:
        CarrierLost: the downlink ended before the session, or the uplink is dead.
    """

    async def up() -> None:
        await link.opened.wait()
        await send_batches(dial, link)

    async def until_over() -> None:
        await down
        if link.live.core.state is State.CLOSED:
            await last_words()
        if link.carrier.leaving:
            raise CarrierLost("the server announced the end of this answer")
        # A clean end proves nothing: proxies turn a dead origin into one.
        raise CarrierLost("the answer ended before the session")

    async def last_words() -> None:
        # `up` ends by itself when it has brought the last acknowledgement, without which the
        # server would keep the session for a window. The server may well have stopped.
        await link.live.closed.wait()
        outbox, before = link.live.core.outbox, 0
        while outbox.first != before:
            before = outbox.first
            await asyncio.sleep(LAST_WORDS)
        raise CarrierLost("the server did not acknowledge the end")

    await first_of(up(), until_over(), last_words())
    if link.carrier.ended and not link.live.core.finished:
        raise CarrierLost(link.carrier.ended)
