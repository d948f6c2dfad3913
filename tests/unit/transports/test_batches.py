"""Batches: what comes of answers, without a network."""

from __future__ import annotations

import asyncio

import pytest

from byway.errors import CarrierLost
from byway.limits import SessionLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.transports.batches import BatchSender
from tests.unit.clock import timed
from tests.unit.transports.answered import Answered, session


@timed
async def test_answers_that_acknowledge_nothing_are_followed_by_no_storm() -> None:
    live, dial = LiveSession(SessionLimits(), name="test"), Answered()
    live.acknowledge(0, 100_000)
    batches = BatchSender(dial, live.attach(1, "stream", ordered=False, batched=True))
    await live.send("never taken")
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(CarrierLost, match="nothing is acknowledged"):
        await batches.send(asyncio.Event())
    assert dial.patience <= loop.time() - began <= 2 * dial.patience + dial.heartbeat
    assert 5 <= len(dial.began) <= 40
    assert live.core.outbox.first == 1  # another carrier brings it up


@timed
async def test_a_server_that_takes_something_again_is_forgiven() -> None:
    live, dial = LiveSession(SessionLimits(), name="test"), Answered()
    live.acknowledge(0, 100_000)
    batches = BatchSender(dial, live.attach(1, "stream", ordered=False, batched=True))
    loop = asyncio.get_running_loop()
    for number in range(1, 4):
        dial.takes = False
        sending = loop.create_task(batches.send(until := asyncio.Event()))
        await live.send(f"message {number}")
        await asyncio.sleep(0.6 * dial.patience)
        dial.takes = True
        await asyncio.sleep(dial.heartbeat)
        assert live.core.outbox.first == number + 1
        assert not sending.done()
        until.set()
        sending.cancel()
        await asyncio.wait({sending})


@timed
async def test_a_batch_is_not_repeated_before_the_server_wants_it() -> None:
    live, dial = LiveSession(SessionLimits(), name="test"), Away()
    live.acknowledge(0, 100_000)
    batches = BatchSender(dial, live.attach(1, "stream", ordered=False, batched=True))
    loop = asyncio.get_running_loop()
    sending = loop.create_task(batches.send(asyncio.Event()))
    dial.asks = [3.0, 3600.0]
    dial.takes = True
    await live.send("one")
    await asyncio.sleep(20)
    first, second, third = dial.began
    assert second - first == pytest.approx(3, abs=0.2)
    assert third - second == pytest.approx(dial.heartbeat, abs=0.2), "the session has to go on"
    assert live.core.outbox.first == 2
    sending.cancel()
    await asyncio.wait({sending})


@timed
async def test_where_the_round_trip_is_long_nothing_leaves_in_the_pause_either() -> None:
    live, dial = session(), Away()
    carrier = live.attach(1, "stream", ordered=False, batched=True)
    await asyncio.sleep(1)  # which is taken for a round trip: several may be on their way
    sending = asyncio.ensure_future(BatchSender(dial, carrier).send(asyncio.Event()))
    dial.asks = [3.0]
    dial.takes = True
    await live.send("one")
    await asyncio.sleep(20)
    first, second = dial.began
    assert second - first == pytest.approx(3.1, abs=0.01)
    sending.cancel()
    await asyncio.wait({sending})


class Away(Answered):
    """Is away for the first batches.

    Attributes:
        asks: after how many seconds it asks to come back, for each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[float] = []

    async def batch(self, carrier: LiveCarrier, frames: bytes) -> None:
        """Refuse a batch, or take it."""
        if not self.asks:
            return await super().batch(carrier, frames)
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)
        raise CarrierLost("answered 503", answered=503, retry_after=self.asks.pop(0))
