"""What transports share: tasks that end together."""

from __future__ import annotations

import asyncio

import pytest

from byway.transports.base import first_of, stop
from tests.unit.clock import now, settle, timed


@timed
async def test_whoever_is_cancelled_twice_leaves_nothing_behind() -> None:
    """`asyncio.gather` cancels what it waits for, so that many are cancelled twice."""
    ended: list[float] = []

    async def half() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)  # as a connection that closes takes
            ended.append(now())

    both = asyncio.create_task(first_of(half(), half()))
    await settle()
    for _ in range(2):
        both.cancel()
        await settle()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert len(ended) == 2


@timed
async def test_nobody_complains_of_what_a_task_raised_that_was_stopped() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))

    async def fail() -> None:
        raise OSError

    await stop(asyncio.ensure_future(fail()))
    task = asyncio.create_task(fail())
    await settle()
    await stop(task)
    await stop()
    del task
    await settle()
    assert not complaints
