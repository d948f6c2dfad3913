"""The downlink and the ways up of one carrier: how its end is told, and which way is taken."""

from __future__ import annotations

import asyncio

import pytest

from byway.errors import CarrierLost
from byway.frames import CLOSE, LEAVE, NEXT, PING, encode_close, encode_next
from byway.limits import MAX_PART
from byway.runtime import LiveCarrier
from byway.transports.batches import BatchSender
from byway.transports.http.batches import BUSY
from byway.transports.uplink import LAST_WORDS, carry_http, first_words
from tests.unit.clock import now, settle, timed
from tests.unit.transports.answered import Answered, echo, session


async def _end() -> None:
    """A downlink that ends at once."""


def carrying(dial: Answered, carrier: LiveCarrier, *, uploads: bool = False) -> asyncio.Task[None]:
    """Carry a session whose downlink goes on."""

    async def down() -> None:
        await asyncio.Event().wait()

    batches = BatchSender(dial, carrier)
    return asyncio.ensure_future(carry_http(dial, carrier, down(), batches, uploads=uploads))


@timed
async def test_little_rides_in_the_request_that_opens() -> None:
    live = session()
    for _ in range(8):
        await live.send("x" * 4_000)
    words = first_words(live.attach(1, "stream", ordered=True, batched=True))
    assert 3 * 4_000 < len(words) < MAX_PART + 4_100


@timed
async def test_an_end_without_a_word_is_a_cut_and_one_that_was_announced_is_not() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    with pytest.raises(CarrierLost, match="ended before the session") as lost:
        await carry_http(dial, carrier, _end(), BatchSender(dial, carrier))
    assert lost.value.trouble == "ended", "it had not opened"
    carrier.establish()
    with pytest.raises(CarrierLost, match="ended before the session") as lost:
        await carry_http(dial, carrier, _end(), BatchSender(dial, carrier))
    assert lost.value.trouble == ""
    carrier.feed([(LEAVE, b"")])
    with pytest.raises(CarrierLost, match="announced the end"):
        await carry_http(dial, carrier, _end(), BatchSender(dial, carrier))


@timed
async def test_nothing_goes_up_before_the_carrier_has_opened() -> None:
    live, dial = session(), Answered()
    dial.takes = True
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    await live.send("early")
    task = carrying(dial, carrier)
    await asyncio.sleep(5)
    assert not dial.began
    carrier.establish()
    await asyncio.sleep(1)
    assert len(dial.began) == 1
    assert live.core.outbox.first == 2
    task.cancel()
    await asyncio.wait({task})


@timed
async def test_much_to_say_goes_on_in_an_upload_and_in_batches_where_that_is_lost() -> None:
    live, dial = session(), Answered()
    dial.takes = True
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    carrier.establish()
    task = carrying(dial, carrier, uploads=True)
    for number in range(BUSY):
        await live.send(f"message {number}")
        await asyncio.sleep(0.1)
    await settle()
    (ping,) = [frame for frame in dial.pieces[0] if frame[0] == PING]
    echo(carrier, ping)
    await asyncio.sleep(0.1)
    batches = len(dial.began)
    await live.send("in the upload")
    await asyncio.sleep(0.1)
    assert len(dial.began) == batches
    assert any(b"in the upload" in payload for _, payload in dial.pieces[-1])
    dial.broken.set()
    await asyncio.sleep(1)
    assert len(dial.began) == batches + 1
    assert live.core.outbox.first == BUSY + 2
    task.cancel()
    await asyncio.wait({task})


@timed
async def test_a_server_that_does_not_acknowledge_the_end_is_not_waited_for() -> None:
    live, dial = session(), Answered()
    carrier = live.attach(1, "stream", ordered=True, batched=True)
    carrier.establish()
    carrier.feed([(NEXT, encode_next(1)[5:]), (CLOSE, encode_close(1000, "")[5:])])
    began = now()
    with pytest.raises(CarrierLost, match="did not acknowledge the end"):
        await carry_http(dial, carrier, _end(), BatchSender(dial, carrier))
    assert LAST_WORDS <= now() - began <= 3 * LAST_WORDS
