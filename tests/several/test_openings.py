"""Many openings of one key at several processes at once: its handler runs once."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from secrets import token_hex

import pytest

from byway.keys import new_key
from tests.support.several import COUNT, Several
from tests.support.wire import PROTOCOL_HEADERS, hello_frame, raw_exchange

KEYS = 2000
"""Sessions that are opened."""

AT_ONCE = 40
"""Keys of which openings are on their way at any moment."""


async def opening(port: int, path: str, body: bytes) -> int:
    """Open by a poll over a connection of its own; return the status of the response."""
    head = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in PROTOCOL_HEADERS.items()]
    whole = "\r\n".join([*head, "", ""]).encode() + body
    status, _, _ = await raw_exchange(port, whole, timeout=30)
    return status


@pytest.mark.timeout(240)
async def test_the_handler_runs_once_for_each_key(several: Several) -> None:
    """Four attempts at four processes; at workers of one server, at whichever takes them."""
    ports = several.ports or (several.port,) * COUNT
    run, slots = token_hex(4), asyncio.Semaphore(AT_ONCE)
    statuses: Counter[int] = Counter()
    mark = several.log.mark()

    async def attempts(number: int) -> None:
        key = new_key()
        async with slots, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    opening(
                        port,
                        f"/?seed={run}-{number}",
                        hello_frame(session=key, carrier=carrier, answer="poll", poll=1),
                    )
                )
                for carrier, port in enumerate(ports, 1)
            ]
        statuses.update(one.result() for one in tasks)

    async with asyncio.TaskGroup() as group:
        for number in range(KEYS):
            group.create_task(attempts(number))
    ran = Counter(
        match[1]
        for line in several.log.since(mark)
        if (match := re.search(rf"{run}-(\d+) runs in", line))
    )
    sys.stdout.write(f"statuses of {KEYS * COUNT} openings: {dict(statuses)}\n")
    assert set(ran.values()) == {1}, [name for name, times in ran.items() if times > 1]
    assert len(ran) == KEYS
    assert set(statuses) == {200}
