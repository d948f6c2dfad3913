"""Processes are killed and stopped in the midst of sessions: what lives loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.several.crowd import crowd
from tests.support.several import Several

KILLS = 6

BETWEEN = 2.0
"""Seconds between two kills."""

STOPPED = 8.0
"""Seconds that a process stands still."""


def leaves(error: BaseException | None) -> Iterator[BaseException]:
    """Take a group of exceptions apart."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    elif error is not None:
        yield error


@pytest.mark.timeout(150)
async def test_while_other_processes_are_killed_nothing_is_lost(several: Several) -> None:
    """One every two seconds, in turn; each is started again."""
    async with crowd(several, seconds=KILLS * BETWEEN, timeout=100) as here:
        for turn in range(KILLS):
            await asyncio.sleep(BETWEEN)  # the pace of the kills
            others = await asyncio.to_thread(several.others, {here.owner})
            os.kill(others[turn % len(others)], signal.SIGKILL)
        await here.complete()
    await asyncio.to_thread(several.wait_until_all_serve)


@pytest.mark.timeout(150)
async def test_while_the_owner_stands_still_nothing_is_lost(several: Several) -> None:
    async with crowd(several, seconds=STOPPED, timeout=100) as here:
        os.kill(here.owner, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED)  # as long as a machine may be paused
        finally:
            os.kill(here.owner, signal.SIGCONT)
        assert not any(one.done() for one in here.running), "else nothing was tested"
        await here.complete()


@pytest.mark.timeout(150)
async def test_clients_of_a_killed_owner_are_told(
    several: Several, record_property: Callable[[str, object], None]
) -> None:
    async with crowd(several, seconds=STOPPED, timeout=100) as here:
        assert not any(one.done() for one in here.running)
        os.kill(here.owner, signal.SIGKILL)
        began = time.monotonic()
        took: dict[str, float] = {}

        async def told(name: str, task: asyncio.Task[None]) -> None:
            (error,) = await asyncio.gather(task, return_exceptions=True)
            took[name] = time.monotonic() - began
            said = " ".join(map(str, leaves(error)))
            assert "1006" in said, f"{name}: {said}"
            assert "410" in said, f"{name}: {said}"

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for one, task in zip(here.sessions, here.running, strict=True):
                group.create_task(told(one.seed, task))
    for name, seconds in sorted(took.items(), key=lambda one: one[1]):
        sys.stdout.write(f"{name} was told after {seconds:.2f} s\n")
    record_property("slowest", max(took.values()))
    await asyncio.to_thread(several.wait_until_all_serve)
