"""A client in a process of its own, for tests that put it to sleep (SIGSTOP) and wake it.

It is started as `python -m tests.support.sleeper URL TRANSPORT`, exchanges numbered messages, and
prints `halfway`, then `complete` or what was wrong.
"""

from __future__ import annotations

import asyncio
import sys

from tests.support.numbered_client import NumberedSession


async def main(url: str, transport: str) -> None:
    """Exchange 300 messages each way."""
    session = NumberedSession(transport, 300, 1.0, 4096, transport)

    async def tell() -> None:
        await session.halfway.wait()
        sys.stdout.write("halfway\n")
        sys.stdout.flush()

    telling = asyncio.create_task(tell())
    try:
        await session.run(url, timeout=30)
    except* AssertionError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        sys.stdout.write(f"failed: {error}\n")
    else:
        sys.stdout.write("complete\n")
    telling.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
