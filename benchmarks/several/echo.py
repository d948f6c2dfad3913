"""A process with a bare echo over a Unix socket, or its client, made as Python's own example is.

    {"serve": "/run/echo.sock"}               -> {"pid": 1}
    {"talk": "/run/echo.sock", "count": 100, "trips": 1}  -> {"pid": 2, "p50": 0.0001}

It is what a relayed message is compared with: asyncio's streams, on its own event loop, or with the
argument `uvloop` on that one, which uvicorn takes where it is installed. With several `trips` a
message goes there and back as often: a relay that forwards as many requests and does nothing else.

Knows: asyncio's streams.
Must not know: byway.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from typing import Any

SIZE = 64
"""Bytes of a message: 32 of text, and what says whose it is."""


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.readexactly(SIZE):
            writer.write(data)
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def _talk(path: str, count: int, trips: int) -> float:
    reader, writer = await asyncio.open_unix_connection(path)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        for _ in range(trips):
            writer.write(bytes(SIZE))
            await writer.drain()
            await reader.readexactly(SIZE)
        times.append(time.perf_counter() - start)
    writer.close()
    return statistics.median(times)


async def main() -> None:
    """Do what standard input says until it ends."""
    servers = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        answer: dict[str, Any] = {"pid": os.getpid()}
        if "serve" in asked:
            servers.append(await asyncio.start_unix_server(_echo, asked["serve"]))
        else:
            answer["p50"] = await _talk(asked["talk"], asked["count"], asked["trips"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:] == ["uvloop"]:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    else:
        asyncio.run(main())
