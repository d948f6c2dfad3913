"""A tiny server that records what reaches it, and answers as its path says.

Knows: HTTP/1.1 by h11, raw bytes after a 101.
Must not know: byway, rules.

`/size/N` answers N bytes with a length, `/chunks/N` in chunks; `/live` and `/text` answer chunk by
chunk what the test puts into `pieces`; `/silent` never answers; `/raw` becomes a tunnel that
echoes; anything else answers the body that came, or `hello`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11


@dataclass
class Seen:
    """A request that arrived.

    Attributes:
        head: its head, as the bytes came.
        body: its body so far.
        whole: set when it is complete.
        left: set when the connection has ended.
    """

    head: bytes
    body: bytearray = field(default_factory=bytearray)
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def line(self) -> str:
        """Its request line."""
        return self.head.split(b"\r\n", 1)[0].decode()

    def header(self, name: str) -> str | None:
        """Return a header."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


@dataclass
class Origin:
    """The server.

    Attributes:
        port: where it listens.
        seen: what arrived.
        pieces: what `/live` and `/text` answer; None is the end.
        raw: bytes that reached `/raw`.
        arrived: set when something arrives.
    """

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    pieces: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    raw: bytearray = field(default_factory=bytearray)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, index: int = 0) -> Seen:
        """Wait for a request."""
        async with asyncio.timeout(10):
            while len(self.seen) <= index:
                self.arrived.clear()
                await self.arrived.wait()
        return self.seen[index]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        current: list[Seen] = []
        try:
            await self._serve(reader, writer, current)
        except (OSError, h11.ProtocolError, asyncio.IncompleteReadError):
            pass  # cut by a rule
        finally:
            for one in current:
                one.left.set()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, current: list[Seen]
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen = Seen(head)
        current.append(seen)
        self.seen.append(seen)
        self.arrived.set()
        http = h11.Connection(h11.SERVER)
        http.receive_data(head)
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Data):
                seen.body += event.data
                self.arrived.set()
            elif isinstance(event, h11.EndOfMessage):
                seen.whole.set()
                break
            elif isinstance(event, h11.ConnectionClosed):
                return
        await self._answer(seen, http, reader, writer)

    async def _answer(
        self,
        seen: Seen,
        http: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        async def send(event: h11.Event) -> None:
            writer.write(http.send(event) or b"")
            await writer.drain()

        async def start(status: int, *headers: tuple[str, str]) -> None:
            await send(h11.Response(status_code=status, headers=list(headers)))

        path = seen.line.split()[1]
        if path == "/silent":
            await reader.read()
            return
        if path == "/raw" and seen.header("upgrade"):
            upgrade = [("Upgrade", "raw"), ("Connection", "Upgrade")]
            await send(h11.InformationalResponse(status_code=101, headers=upgrade))
            data = http.trailing_data[0] or await reader.read(65536)
            while data:
                self.raw += data
                self.arrived.set()
                writer.write(data)
                await writer.drain()
                data = await reader.read(65536)
            return
        if path in ("/live", "/text", "/accel"):
            kind = "text/event-stream" if path == "/text" else "application/octet-stream"
            accel = [("X-Accel-Buffering", "no")] if path == "/accel" else []
            await start(200, ("Content-Type", kind), *accel)
            left = asyncio.create_task(reader.read())
            try:
                while True:
                    piece = asyncio.create_task(self.pieces.get())
                    await asyncio.wait({piece, left}, return_when=asyncio.FIRST_COMPLETED)
                    if not piece.done():
                        piece.cancel()
                        return
                    if (chunk := piece.result()) is None:
                        break
                    await send(h11.Data(data=chunk))
            finally:
                left.cancel()
                await asyncio.gather(left, return_exceptions=True)
        elif path.startswith("/chunks/"):
            await start(200)
            await send(h11.Data(data=b"x" * int(path.split("/")[2])))
        else:
            body = bytes(seen.body) or b"hello"
            if path.startswith("/size/"):
                body = b"x" * int(path.split("/")[2])
            await start(200, ("Content-Length", str(len(body))))
            await send(h11.Data(data=body))
        await send(h11.EndOfMessage())


@asynccontextmanager
async def running_origin() -> AsyncIterator[Origin]:
    """Run the server on a port of the loopback."""
    origin = Origin()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(origin.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
