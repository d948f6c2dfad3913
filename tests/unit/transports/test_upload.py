"""Uploads: how one is proven, used and left, without a network."""

from __future__ import annotations

import asyncio

from byway.frames import HELLO, NAMES, PING, TEXT
from byway.runtime import LiveCarrier
from byway.transports.http.upload import HEARD_TIMEOUT, LASTING, PING_INTERVAL, PROOF_TIMEOUT
from byway.transports.upload import UploadRequest
from tests.unit.clock import now, settle, timed
from tests.unit.transports.answered import Answered, echo, session


async def proven(dial: Answered, carrier: LiveCarrier) -> UploadRequest:
    """Return an upload whose PING has come back."""
    upload = UploadRequest(dial, carrier)
    proving = asyncio.ensure_future(upload.prove(0.1))
    await settle()
    assert [kind for kind, _ in dial.pieces[0]] == [HELLO, PING]
    echo(carrier, dial.pieces[0][1])
    assert await proving
    return upload


def texts(dial: Answered) -> list[bytes]:
    """Return the texts that came up in it."""
    return [payload for piece in dial.pieces for kind, payload in piece if kind == TEXT]


@timed
async def test_what_is_said_goes_up_in_its_body_once_it_is_proven() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = await proven(dial, carrier)
    await live.send("one")
    await settle()
    assert not texts(dial), "the batches go on until it runs"
    running = asyncio.ensure_future(upload.run(0))
    await settle()
    await live.send("two")
    await settle()
    assert texts(dial) == [b"one", b"two"]
    assert not carrier.core.batched
    names = [NAMES[kind] for piece in dial.pieces for kind, _ in piece]
    assert names.count("NEXT") == 1, "it is one byte stream"
    carrier.end("enough")
    assert await running
    await upload.aclose()


@timed
async def test_it_is_not_used_while_a_batch_is_on_its_way() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = await proven(dial, carrier)
    await live.send("one")
    assert not await upload.run(1)
    await settle()
    assert not texts(dial)
    assert carrier.core.batched
    await upload.aclose()


@timed
async def test_one_that_is_not_heard_in_time_is_not_used() -> None:
    live, dial = session(), Answered()
    upload = UploadRequest(dial, live.attach(1, "stream", ordered=True, batched=True))
    began = now()
    assert not await upload.prove(0.1)
    assert now() - began == PROOF_TIMEOUT
    await upload.aclose()


@timed
async def test_one_that_is_answered_at_once_is_not_used_though_it_was_heard() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = UploadRequest(dial, carrier)
    proving = asyncio.ensure_future(upload.prove(0.1))
    await settle()
    dial.broken.set()
    while not upload._task.done():  # type: ignore[union-attr]  # noqa: ASYNC110 - at once then
        await asyncio.sleep(0)
    echo(carrier, dial.pieces[0][1])
    assert not await proving
    assert upload._rules.is_heard


@timed
async def test_one_that_ends_soon_is_the_last_and_its_frames_go_up_again() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = await proven(dial, carrier)
    running = asyncio.ensure_future(upload.run(0))
    await live.send("lost")
    await settle()
    assert carrier.core.cursor == 2
    dial.broken.set()
    assert not await running
    assert not dial.uploads
    assert carrier.core.batched
    assert carrier.core.cursor == 1, "it is written again"


@timed
async def test_after_one_that_lasted_another_is_worth_a_try() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = await proven(dial, carrier)
    running = asyncio.ensure_future(upload.run(0))
    await asyncio.sleep(LASTING + 1)
    dial.broken.set()
    assert not await running
    assert dial.uploads


@timed
async def test_one_that_is_not_heard_any_more_is_left() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    upload = await proven(dial, carrier)
    began = now()
    await live.send("x")
    assert not await upload.run(0)
    assert now() - began <= HEARD_TIMEOUT + 3 * PING_INTERVAL
    assert sum(kind == PING for piece in dial.pieces for kind, _ in piece) == 2
