#!/usr/bin/env bash
# anyio 4.16.0 (PyPI), asyncio backend, Python 3.11, 2026-11-30
#
# A stream from `anyio.connect_tcp` pauses reading until `receive` is called: what the peer sends waits in the
# kernel, and the peer is held back. A stream from `SocketStream.from_socket` (for a socket that was connected
# elsewhere, by RFC 8305 for instance) does not pause until the first `receive`: everything the peer sends
# before that is taken into memory, without a bound. If you adopt sockets, pause them yourself.
#
# Output seen (MiB that the peer could send in 2 s to a stream that is not read, of 64):
#   connect_tcp: held back
#   from_socket: took all 64 MiB
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check anyio==4.16.0
timeout 40 "$dir/venv/bin/python" - <<'PY'
import asyncio
import socket
import sys

import anyio
from anyio.abc import SocketStream

TOTAL = 64


async def took_all(adopt: bool) -> bool:
    done = asyncio.Event()

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(TOTAL):
                writer.write(bytes(1024 * 1024))
                await writer.drain()
            done.set()
        except (asyncio.CancelledError, OSError):
            pass  # held back until the end

    async with await asyncio.start_server(send, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        if adopt:
            sock = socket.create_connection(("127.0.0.1", port))
            stream = await SocketStream.from_socket(sock)
        else:
            stream = await anyio.connect_tcp("127.0.0.1", port)
        try:
            await asyncio.wait_for(done.wait(), 2)
        except TimeoutError:
            pass
        await anyio.aclose_forcefully(stream)
        return done.is_set()


connected, adopted = asyncio.run(took_all(False)), asyncio.run(took_all(True))
print("connect_tcp:", f"took all {TOTAL} MiB" if connected else "held back")
print("from_socket:", f"took all {TOTAL} MiB" if adopted else "held back")
sys.exit(connected or not adopted)
PY
