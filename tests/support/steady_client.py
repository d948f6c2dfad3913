"""Clients that send and check the messages of `steady_app` while connections are cut.

Knows: which messages `steady_app` pushes and waits for, and how a client sends its own.
Must not know: which server runs it, which transport carries them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import byway
from byway import ClientLimits
from tests.apps.steady_app import DONE, PIECE, message, piece
from tests.support.peers import connect

LIMITS = ClientLimits(heartbeat=1.0, window=30.0)

BETWEEN_CUTS = 0.7
"""Seconds."""


@asynccontextmanager
async def cuts(cut: Callable[[], object]) -> AsyncIterator[list[object]]:
    """Cut every connection again and again; give what each cut has returned."""
    made: list[object] = []

    async def repeat() -> None:
        while True:
            await asyncio.sleep(BETWEEN_CUTS)
            made.append(cut())

    cutting = asyncio.create_task(repeat())
    try:
        yield made
    finally:
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)


async def steady(
    url: str,
    transport: str,
    *,
    count: int,
    pause: float,
    upload: int = 0,
    opened: asyncio.Barrier | None = None,
    **options: Any,
) -> None:
    """Exchange messages both ways at once, then send some bytes, and see that the close is last.

    Args:
        url: of the server, without a path.
        transport: the only one to use.
        count: messages each way.
        pause: seconds after each, on both sides.
        upload: bytes to send then.
        opened: where to meet those that wait for it to be open.
        options: more of those of `byway.connect`.

    Raises:
        AssertionError: a message is lost, doubled, changed or out of order.
    """
    pieces = range(upload // PIECE)
    query = f"count={count}&pause={pause}&upload={upload}"
    options = {"memory": False, "limits": LIMITS, "open_timeout": 30.0, **options}
    async with connect(f"{url}/?{query}", transport, **options) as channel:
        if opened is not None:
            await opened.wait()

        async def send() -> None:
            for number in range(count):
                await channel.send(message(number))
                await asyncio.sleep(pause)
            for number in pieces:
                await channel.send(piece(number))

        sending = asyncio.create_task(send())
        try:
            for number in range(count):
                came = await channel.receive()
                assert came is not None, f"closed before {number}: {_end(channel)}"
                assert came == message(number), f"at {number} came {came[:20]!r}"
            assert await channel.receive() is None, "something came after the last"
            assert _end(channel) == (DONE, f"{count} up, {len(pieces)} pieces")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def _end(channel: byway.Channel) -> tuple[int | None, str]:
    return channel.code, channel.reason
