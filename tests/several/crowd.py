"""Sessions of which a test knows in which process each one's handler runs.

Knows: how many to open until one process has some over every transport.
Must not know: what is done to the processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex

from tests.support.numbered_client import NumberedSession
from tests.support.peers import TRANSPORTS
from tests.support.several import Several

COUNT = 500
"""Messages each way."""

LONGEST = 40 * 1024

EACH = 2
"""Sessions over each transport that a test wants on one process, at least."""

MOST = 40
"""Sessions over each transport that are opened until there are so many."""


@dataclass
class Crowd:
    """Sessions whose handlers all run in one process.

    Attributes:
        owner: that process.
        sessions: what they do.
        running: they as tasks.
        until: none of them ends before it is set.
    """

    owner: int
    sessions: list[NumberedSession]
    running: list[asyncio.Task[None]]
    until: asyncio.Event

    async def complete(self) -> None:
        """Let all end, and see that nothing was lost, doubled or reordered."""
        self.until.set()
        ended = await asyncio.gather(*self.running, return_exceptions=True)
        both = zip(self.sessions, ended, strict=True)
        wrong = [f"{one}: {error!r}" for one, error in both if error]
        assert not wrong, "\n".join(wrong)
        assert all(one.complete for one in self.sessions)


def _enough(sessions: list[NumberedSession]) -> bool:
    return all(sum(one.only == name for one in sessions) >= EACH for name in TRANSPORTS)


async def _owner(several: Several, seed: str) -> int:
    return int((await several.log.seen(rf"{seed} runs in (\d+)", timeout=30))[1])


@asynccontextmanager
async def crowd(several: Several, *, seconds: float, timeout: float) -> AsyncIterator[Crowd]:
    """Open sessions until one process has some of every transport; the others are left.

    Args:
        several: where.
        seconds: over which each session spreads its messages, but the last.
        timeout: seconds that each may take.
    """
    opened: dict[int, list[tuple[NumberedSession, asyncio.Task[None]]]] = {}
    tasks: list[asyncio.Task[None]] = []
    until = asyncio.Event()
    try:
        owner = 0
        for _ in range(MOST):
            for transport in TRANSPORTS:
                session = NumberedSession(
                    f"{transport}-{token_hex(4)}",
                    COUNT,
                    seconds,
                    LONGEST,
                    transport,
                    again=False,
                    until=until,
                )
                task = asyncio.create_task(session.run(several.url(), timeout=timeout))
                tasks.append(task)
                opened.setdefault(await _owner(several, session.seed), []).append((session, task))
            having = [pid for pid, mine in opened.items() if _enough([one for one, _ in mine])]
            if having:
                owner = having[0]
                break
        assert owner, "no process has enough of all transports"
        await _leave([task for pid, mine in opened.items() if pid != owner for _, task in mine])
        sessions, running = zip(*opened[owner], strict=True)
        yield Crowd(owner, list(sessions), list(running), until)
    finally:
        await _leave(tasks)


async def _leave(tasks: list[asyncio.Task[None]]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
