"""The uplink of every HTTP transport: batches, each a POST of its own.

Knows: how frames go up in requests, and what to do when one is not answered.
Must not know: how frames come down.

Batches are numbered like everything else, so a repeated one does no harm, and what accumulates
while one is on its way is the next. One is on its way at a time, so they arrive in order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from byway.errors import CarrierLost
from byway.frames import encode_ack
from byway.handshake import ACK_ANSWER, Hello
from byway.live import Attachment, LiveSession
from byway.session import State
from byway.transports.base import Exchange, first_of

if TYPE_CHECKING:
    from byway.transports.dial import Dial

FIRST_RETRY: Final = 0.1
"""Seconds that the first retry of a batch waits at most; the bound doubles with each later one."""


async def answer_batch(exchange: Exchange, live: LiveSession, hello: Hello) -> None:
    """Answer a batch, whose frames were taken already, with ACK: the server's half.

    It is answered at once even without room: the room that comes later is announced on the
    downlink. Holding the answer would hold the client's next acknowledgement with it.
    """
    link = live.attachments.get(hello.carrier)
    ack = encode_ack(*live.core.announce(link.carrier if link else None))
    await exchange.start(ACK_ANSWER, "application/octet-stream", length=len(ack))
    await exchange.body(ack, more=False)


async def send_batches(dial: Dial, link: Attachment) -> None:
    """Bring up what the session has to say until it is over: the client's half.

    Raises:
        CarrierLost: no batch got through for two heartbeats; the session is gone; or one failed
            when both sides had closed.
    """
    core, carrier = link.live.core, link.carrier
    loop = asyncio.get_running_loop()
    failing_since: float | None = None
    delay = FIRST_RETRY
    while frames := await link.output(dial.heartbeat, silence=dial.silence):
        try:
            await dial.batch(link, b"".join(frames))
        except CarrierLost as error:
            if error.gone or core.state is State.CLOSED:
                raise
            now = loop.time()
            failing_since = failing_since or now
            if now - failing_since >= dial.patience:
                raise CarrierLost(
                    f"the uplink is dead: {error}", answered=error.answered
                ) from error
            core.rewind(carrier)
            await asyncio.sleep(random.uniform(0, delay))  # full jitter
            delay = min(delay * 2, dial.heartbeat)
        else:
            failing_since, delay = None, FIRST_RETRY
            if core.outbox.first < carrier.cursor:
                core.rewind(carrier)  # the answer acknowledges less than was brought up


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
            # `up` ends by itself when it has brought the last acknowledgement, without which the
            # server would keep the session for a window.
            await asyncio.sleep(dial.patience)
            raise CarrierLost("the server did not acknowledge the end")
        if link.carrier.leaving:
            raise CarrierLost("the server announced the end of this answer")
        # A clean end proves nothing: proxies turn a dead origin into one.
        raise CarrierLost("the answer ended before the session")

    await first_of(up(), until_over())
    if link.carrier.ended and not link.live.core.finished:
        raise CarrierLost(link.carrier.ended)
