"""A process that passes connections on to a port, and to another one when it is told.

    {"to": 8001}                -> {"port": 40123}
    {"to": 8002, "cut": true}   -> the same, and every connection is cut

So a session opens at one server, and all its later requests reach another. What it costs comes to
every session alike, and is counted in none.

Knows: connections of TCP.
Must not know: what goes over them.
"""

from __future__ import annotations

import asyncio
import json
import sys


class _End(asyncio.Protocol):
    """One end of a connection that is passed on."""

    def __init__(self) -> None:
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        ends.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        else:
            self.early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        ends.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Near(_End):
    """The end at the client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.opening = asyncio.ensure_future(self._open(port))

    async def _open(self, to: int) -> None:
        far = _End()
        far.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", to)
        except OSError:
            assert self.transport is not None
            self.transport.abort()
            return
        assert far.transport is not None
        far.transport.write(b"".join(self.early))
        self.other = far


ends: set[_End] = set()
port = 0


async def main() -> None:
    """Serve until standard input ends."""
    global port
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Near, "127.0.0.1", 0)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        port = asked["to"]
        if asked.get("cut"):
            for one in list(ends):
                if one.transport is not None:
                    one.transport.abort()
        answer = {"port": server.sockets[0].getsockname()[1]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
