"""A Python client's process: a line of JSON in, `{url, cap, visits}`, a line of JSON out.

    python -m benchmarks.peers.python_client byway|websockets|python-socketio

Knows: the clients, the clock, the cap.
Must not know: what is in the way.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import byway

TEXT = "0123456789abcdef0123456789abcdef"

CLOSE_TIMEOUT = 2.0
"""Seconds that a client may take to say goodbye."""

Close = Callable[[], Awaitable[object]]
Visit = Callable[[str, dict[str, Any], AsyncExitStack], Awaitable[str]]
"""Connects to a URL, sends the text as soon as it may and returns what comes back.

The dictionary is kept from one visit to the next; the stack is closed after the clock was read.
"""


async def by_byway(url: str, memory: dict[str, Any], stack: AsyncExitStack) -> str:
    """Visit with byway's defaults, and a memory that knows nothing but the visits before."""
    known: byway.Memory = memory.setdefault("byway", byway.Memory())
    channel = await stack.enter_async_context(
        byway.connect(url, proxy=None, close_timeout=CLOSE_TIMEOUT, memory=known)
    )
    await channel.send(TEXT)
    return str(await channel.receive())


async def by_websockets(url: str, memory: dict[str, Any], stack: AsyncExitStack) -> str:
    """Visit with the plain WebSocket client of `websockets`, with its defaults."""
    from websockets.asyncio.client import connect

    socket = await stack.enter_async_context(
        connect(url.replace("http", "ws", 1), proxy=None, close_timeout=CLOSE_TIMEOUT)
    )
    await socket.send(TEXT)
    return str(await socket.recv())


async def by_socketio(url: str, memory: dict[str, Any], stack: AsyncExitStack) -> str:
    """Visit with python-socketio's client: its default order, and trying again where it fails."""
    import socketio

    client = socketio.AsyncClient()
    stack.push_async_callback(client.shutdown)
    echoes: asyncio.Queue[str] = asyncio.Queue()
    client.on("echo", echoes.put)
    # By default it waits 1 s for the namespace and gives up at the first error: that would not do.
    await client.connect(url, wait_timeout=60, retry=True)
    await client.emit("echo", TEXT)
    return await echoes.get()


VISITS: dict[str, Visit] = {
    "byway": by_byway,
    "websockets": by_websockets,
    "python-socketio": by_socketio,
}


async def timed(visit: Visit, url: str, cap: float, memory: dict[str, Any]) -> dict[str, Any]:
    """Connect once; return `seconds`, an `error` where the client gave up, or that it is `late`."""
    stack = AsyncExitStack()
    answer: dict[str, Any]
    start = time.perf_counter()
    limit = asyncio.timeout(cap)
    try:
        async with limit:
            text = await visit(url, memory, stack)
        seconds = time.perf_counter() - start
        answer = {"seconds": seconds} if text == TEXT else {"error": f"{text!r} came back"}
    except Exception as error:
        if limit.expired():
            answer = {"late": True}
        else:
            answer = {"error": f"{type(error).__name__}: {error}"}
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await stack.aclose()
    except Exception as error:
        logging.getLogger(__name__).warning("closing: %r", error)
    return answer


def main() -> None:
    """Answer until the input ends."""
    visit = VISITS[sys.argv[1]]
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            asked = json.loads(line)
            memory: dict[str, Any] = {}
            answer: dict[str, Any] = {}
            for _ in range(asked["visits"]):
                answer = runner.run(timed(visit, asked["url"], asked["cap"], memory))
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
