"""A server that offers WebSockets over HTTP/2 and does something else; over HTTP/1.1 it is sound.

Knows: HTTP/2, and a few ways in which a WebSocket over it does not come to be.
Must not know: byway.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from tests.support.tls import Authority

Connection = h2.connection.H2Connection
Deed = Callable[[Connection, int], None]


def refuse(http: Connection, stream: int) -> None:
    """Answer like a filter."""
    head = [(":status", "403"), ("content-type", "text/html"), ("set-cookie", "way=odd; Path=/")]
    http.send_headers(stream, head)
    http.send_data(stream, b"<h1>Blocked</h1>", end_stream=True)


def garble(http: Connection, stream: int) -> None:
    """Accept a subprotocol that nobody asked for."""
    http.send_headers(stream, [(":status", "200"), ("sec-websocket-protocol", "another")])


DEEDS: Final[dict[str, Deed]] = {
    "refuses": refuse,
    "garbles": garble,
    "resets": lambda http, stream: http.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM),
    "goes away": lambda http, stream: http.close_connection(last_stream_id=0),
    "fails": lambda http, stream: http.close_connection(h2.errors.ErrorCodes.INTERNAL_ERROR),
}
"""What it may do instead."""

MORE: Final = ("does not offer", "says garbage", "closes")
"""What it may do before it is asked."""


class OddServer:
    """The server.

    Attributes:
        port: where it listens, on 127.0.0.1.
        chosen: the protocol of each connection, in order.
    """

    def __init__(self, target: int, deed: str) -> None:
        """Do a deed over HTTP/2, and pass HTTP/1.1 on to this port of 127.0.0.1."""
        self.port = 0
        self.chosen: list[str] = []
        self._target = target
        self._deed = deed
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        try:
            if self.chosen[-1] == "h2":
                await self._speak(reader, writer)
            else:
                await self._pass_on(reader, writer)
        except OSError:
            pass  # the client has left
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._deed == "closes":
            return
        if self._deed == "says garbage":
            writer.write(b"\0\0\1\0\0\0\0\0\0x")  # data of no stream
            await reader.read()
            return
        http = Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        offer = 0 if self._deed == "does not offer" else 1
        http.local_settings = h2.settings.Settings(
            client=False,
            initial_values={h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: offer},
        )
        http.initiate_connection()
        writer.write(http.data_to_send())
        while data := await reader.read(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    DEEDS[self._deed](http, event.stream_id)
            writer.write(http.data_to_send())

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(far)
        try:
            await asyncio.gather(_pump(reader, far), _pump(far_reader, writer))
        finally:
            self._writers.discard(far)
            far.transport.abort()

    async def close(self) -> None:
        """Let everything go."""
        while self._tasks:
            for one in self._writers:
                one.transport.abort()
            await asyncio.wait(self._tasks, timeout=0.1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def odd_server(target: int, authority: Authority, deed: str) -> AsyncIterator[OddServer]:
    """Run one before a server without TLS until the end of the block."""
    one = OddServer(target, deed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate_file, authority.key_file)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.close()
