"""Links over a real pair of sockets: calls, back-pressure, silence, and what a cut leaves."""

from __future__ import annotations

import asyncio

import pytest

from byway import Limits
from byway.backplane import LinkLost, Unreachable
from byway.backplane.connection import LOOKS
from byway.backplane.kinds import BODY
from tests.unit.backplane.pair import calling, joined


async def turns() -> None:
    """Let the loop do what it has to, which is little and does not wait for anything."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_call_that_is_not_taken_is_given_up() -> None:
    """As of an owner that is stopped: its kernel takes what comes, and nobody reads."""
    async with joined(Limits(link_time=0.05)) as (relay, owner):
        owner.connection._reach().pause_reading()
        link = relay.connection.carry()
        with pytest.raises(Unreachable, match=r"did not take a call in 0\.05 s"):
            await link.call(b"")
        with pytest.raises(LinkLost):
            link.write(BODY)


async def test_silence_cuts_a_link_and_an_end_that_responds_is_not_silent() -> None:
    async with calling() as (link, served):
        mine, other = link._connection, served._connection
        assert mine is not None
        assert other is not None
        for _ in range(5 * LOOKS):  # by far enough, if nobody responded to PING
            mine.look()
            await turns()
        link.write(BODY, b"here")
        assert await served.receive() == (BODY, b"here")
        other._reach().pause_reading()  # as where its process is stopped
        for _ in range(LOOKS):
            mine.look()
            await turns()
        link.write(BODY, b"still here")
        mine.look()
        with pytest.raises(LinkLost, match="nothing was heard for 15 s"):
            await link.receive()
