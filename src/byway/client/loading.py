"""What a client imports before it opens anything: in a thread, so that its event loop goes on.

Knows: which modules of byway, and of the libraries, the first connection of a process would import.
Must not know: what they do.

`from byway import connect` imports what checks a caller's arguments. The rest, with the clients of
httpx and websockets, takes longer than both together, and a program may never connect. So the first
`connect()` of a process imports it before it tries anything: once the race of transports has
begun, an import would hold all of them, and everything else in the event loop, for tens of
milliseconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from byway.http_library import library_name

_MODULES: Final = (
    "byway.client.channels",
    "byway.client.driver",
    "byway.transports.poll_series",
    "byway.transports.uplink",
    "byway.transports.websocket_client",
)

_LATE: Final = ("anyio._backends._asyncio", "encodings.idna")
"""What anyio and the look-up of names import in the midst of the first connection."""

_loaded = False


def load() -> None:
    """Import it all.

    Raises:
        UsageError: `BYWAY_HTTP` asks for an HTTP library that cannot be imported.
        ImportError: something that byway needs is not installed.
    """
    global _loaded
    library_name()
    for name in (*_MODULES, *_LATE):
        import_module(name)
    _loaded = True


async def loaded() -> None:
    """Wait until all is imported, which a thread does once in a process.

    Raises:
        UsageError: as `load`.
        ImportError: as `load`.
    """
    if not _loaded:
        await in_thread(load)


async def in_thread(work: Callable[[], Any]) -> Any:
    """Run something in a thread of its own, and return what it returns.

    The thread is none of the loop's executor, which an application may have filled. Where the
    wait is cancelled, the thread goes on, and nothing comes of it.

    Raises:
        BaseException: what it raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def finish(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=run, name="byway client", daemon=True).start()
    return await done
