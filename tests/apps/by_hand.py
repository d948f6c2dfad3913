"""uvicorn, run by hand: `python -m tests.apps.by_hand watched|alone PORT`, and a line stops it.

It stops without a signal: by `should_exit`.
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn

import byway.server
from tests.apps.endpoint_app import app
from tests.support.servers import LOG_CONFIG


async def main(how: str, port: int) -> None:
    """Serve until a request has come for /stop."""

    async def stoppable(scope: object, receive: object, send: object) -> None:
        if isinstance(scope, dict) and scope.get("path") == "/stop":
            server.should_exit = True
        await app(scope, receive, send)  # type: ignore[arg-type]

    config = uvicorn.Config(
        stoppable, host="127.0.0.1", port=port, log_config=str(LOG_CONFIG), access_log=False
    )
    server = uvicorn.Server(config)
    if how == "watched":
        assert byway.server.watch(server) is byway.server.watch(server)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
