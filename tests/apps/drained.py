"""The endpoint on hypercorn, stopped as its documentation says: by a trigger of one's own.

hypercorn's command line tells its workers to stop by an event of its own, which nobody else can
hear. A program that runs it calls `drain()` before it lets it stop.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.apps.endpoint_app import app


async def main() -> None:
    """Serve until SIGTERM."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = "-"
    config.graceful_timeout = 5
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def stopped() -> None:
        await stop.wait()
        await app.drain()

    await serve(cast(Any, app), config, shutdown_trigger=stopped)


if __name__ == "__main__":
    asyncio.run(main())
