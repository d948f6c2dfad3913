"""Loop turns: waiting for what other tasks do right now.

Knows: turns of the event loop.
Must not know: what is waited for.
"""

from __future__ import annotations

import asyncio
from typing import Any


def loop_turns(count: int) -> asyncio.Future[None]:
    """Return a future that is done after so many turns of the event loop, at least 2.

    To sleep for each turn would resume at each turn the whole chain of coroutines that waits.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    # call_soon(call_soon, f) calls f one turn later than call_soon(f): nested, no function of ours
    # runs before the last turn.
    call_soon: Any = loop.call_soon
    call_soon(*[call_soon] * (count - 2), _finish, over)
    return over


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
