"""What the HTTP transports share: an endless response, and the batches beside any downlink.

Knows: how a downlink and an uplink make one carrier, and how its end is told from a cut.
Must not know: the form in which frames come down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from byway.errors import CarrierLost
from byway.frames import Frame
from byway.limits import MAX_PART
from byway.runtime import LiveCarrier
from byway.session import State, joined
from byway.transports.base import first_of, stop
from byway.transports.batches import BatchSender
from byway.transports.upload import UploadRequest

if TYPE_CHECKING:
    from byway.transports.dial import Dial

ONE_AT_A_TIME: Final = "turns"
"""The trouble of a carrier beside whose response no batch was answered; see `turns`."""

LAST_WORDS: Final = 2.0
"""Seconds that an acknowledgement may take once both sides have closed."""


def first_words(carrier: LiveCarrier, size: int = MAX_PART) -> bytes:
    """Return the frames that ride in a request which opens a carrier, or in a poll.

    A carrier that follows another need not open first to bring up what waits: that would cost a
    round trip. There is not much of it, so that no path takes offence at its size.

    Args:
        carrier: the carrier.
        size: bytes of frames, exceeded by at most one.
    """
    return joined(carrier.live.core.take(carrier.core, size))


async def carry_endless(
    dial: Dial,
    carrier: LiveCarrier,
    answer: str,
    content_type: str,
    decode: Callable[[bytes], list[Frame]],
) -> None:
    """Carry a session whose downlink is one endless response, until the session is over.

    Args:
        dial: how to reach the server.
        carrier: the carrier.
        answer: the response to ask for, a transport's name.
        content_type: the content type to accept.
        decode: turns the next bytes of the response into the frames that are whole.

    Raises:
        Refused: the application refused the session.
        CarrierLost: see `carry_http`.
    """
    if dial.turns.visits(asyncio.get_running_loop().time()):
        raise CarrierLost("the path lets one request through at a time", trouble=ONE_AT_A_TIME)
    dial.waits.clear()
    await first_of(_carry(dial, carrier, answer, content_type, decode), _alone(dial))


async def _alone(dial: Dial) -> None:
    """Wait until a batch has waited for too long beside an open response, and end this one."""
    await dial.waits.wait()
    raise CarrierLost(
        "requests wait for the end of a response: the path lets one through at a time",
        trouble=ONE_AT_A_TIME,
    )


async def _carry(
    dial: Dial,
    carrier: LiveCarrier,
    answer: str,
    content_type: str,
    decode: Callable[[bytes], list[Frame]],
) -> None:
    hello = dial.hello(carrier, answer)
    async with dial.request(hello, content_type, first_words(carrier)) as response:

        async def read() -> None:
            async for chunk in response.aiter_raw():
                dial.feed(carrier, decode(chunk), response.headers)

        def wait() -> None:
            dial.turns.waited(asyncio.get_running_loop().time())
            dial.waits.set()

        batches = BatchSender(dial, carrier, wait if dial.turns.may_visit else None)
        batches.beside.opened()
        await carry_http(dial, carrier, read(), batches, uploads=True)


async def carry_http(
    dial: Dial,
    carrier: LiveCarrier,
    down: Coroutine[Any, Any, None],
    batches: BatchSender,
    *,
    uploads: bool = False,
) -> None:
    """Run an HTTP downlink and the batches beside it until the session is over.

    Args:
        dial: how to reach the server.
        carrier: the carrier.
        down: reads the downlink and feeds it; it returns at the end of the response.
        batches: brings everything up.
        uploads: whether a request with an endless body is worth a try.

    Raises:
        CarrierLost: the downlink ended before the session, or the uplink is dead.
    """

    async def up() -> None:
        await carrier.opened.wait()
        while await _one_way_up(dial, carrier, batches, uploads=uploads):
            pass

    async def until_over() -> None:
        await down
        if carrier.live.core.state is State.CLOSED:
            await last_words()
        if carrier.core.leaving:
            raise CarrierLost("the server announced the end of this response")
        # A clean end proves nothing: proxies turn a dead origin into one.
        trouble = "" if carrier.opened.is_set() else "ended"
        raise CarrierLost("the response ended before the session", trouble=trouble)

    async def last_words() -> None:
        # `up` ends by itself when it has brought the last acknowledgement, without which the
        # server would keep the session for a window. The server may well have stopped.
        await carrier.live.closed.wait()
        outbox, before = carrier.live.core.outbox, 0
        while outbox.first != before:
            before = outbox.first
            await asyncio.sleep(LAST_WORDS)
        raise CarrierLost("the server did not acknowledge the end")

    await first_of(up(), until_over(), last_words())
    if carrier.core.ended and not carrier.live.core.finished:
        raise CarrierLost(carrier.core.ended)


async def _one_way_up(
    dial: Dial, carrier: LiveCarrier, batches: BatchSender, *, uploads: bool
) -> bool:
    """Bring everything up in batches, and then in an upload if one is proven.

    Returns:
        Whether there is more to bring up: the upload was lost.
    """
    proven = asyncio.Event()
    upload = UploadRequest(dial, carrier)

    async def prove() -> None:
        await batches.busy.wait()
        if carrier.live.core.state is not State.OPEN:
            return
        if await upload.prove(batches.rules.round_trip):
            proven.set()
            carrier.stop()
        else:
            dial.uploads = False
            await upload.aclose()

    trial = asyncio.create_task(prove()) if uploads and dial.uploads else None
    try:
        await batches.send(proven)
        return proven.is_set() and not await upload.run(len(batches.rules.flights))
    finally:
        try:
            if trial is not None:
                await stop(trial)
        finally:
            await upload.aclose()
