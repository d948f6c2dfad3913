"""A TLS proxy that keeps the heads which pass through it, of HTTP/2 and of HTTP/1.1.

Knows: HTTP/2 frames and header compression, where a head of HTTP/1.1 ends.
Must not know: byway.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import hpack
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame

from tests.support.tls import Authority

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

FORBIDDEN: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Headers that no message of HTTP/2 may have (RFC 9113 section 8.2.2); `te` only as `trailers`."""

Head = list[tuple[bytes, bytes]]


def forbidden(head: Head) -> Head:
    """Return the headers of a message that HTTP/2 forbids."""
    return [
        (name, value)
        for name, value in head
        if name.lower() in FORBIDDEN or (name.lower() == b"te" and value != b"trailers")
    ]


class FrameReader:
    """Reads the heads out of one direction of a connection of HTTP/2.

    Attributes:
        heads: those that have passed, with their pseudo-headers; trailers too.
        kinds: the types of the frames that have passed.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heads: list[Head] = []
        self.kinds: list[type[Frame]] = []
        self._decoder = hpack.Decoder(max_header_list_size=1 << 24)
        self._rest = b""
        self._block = b""

    def feed(self, data: bytes) -> None:
        """Take bytes as they pass."""
        self._rest += data
        self._rest = self._rest.removeprefix(PREFACE)
        while len(self._rest) >= 9 and not PREFACE.startswith(self._rest[:9]):
            frame, length = Frame.parse_frame_header(memoryview(self._rest[:9]))
            if len(self._rest) < 9 + length:
                return
            frame.parse_body(memoryview(self._rest[9 : 9 + length]))
            self._rest = self._rest[9 + length :]
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        self.kinds.append(type(frame))
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                head = self._decoder.decode(self._block, raw=True)
                self.heads.append([(bytes(name), bytes(value)) for name, value in head])
                self._block = b""


class TextReader:
    """Reads the heads out of one direction of a connection of HTTP/1.1 on which no body looks so.

    Attributes:
        heads: those that have passed, as bytes.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heads: list[bytes] = []
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take bytes as they pass."""
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            start = max(head.rfind(b"POST /"), head.rfind(b"GET /"))
            if start >= 0:
                self.heads.append(head[start:] + b"\r\n\r\n")


class Heads:
    """What has passed.

    Attributes:
        port: where it listens, on 127.0.0.1.
        up: what clients said in HTTP/2, a connection each.
        down: what the server said in HTTP/2, a connection each.
        text: what clients said in HTTP/1.1, a connection each.
    """

    def __init__(self, target: int, authority: Authority) -> None:
        """Pass on to this port of 127.0.0.1, with a certificate of this authority."""
        self.port = 0
        self.up: list[FrameReader] = []
        self.down: list[FrameReader] = []
        self.text: list[TextReader] = []
        self._target = target
        self._authority = authority
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(authority.certificate_file, authority.key_file)
        self._server.set_alpn_protocols(["h2", "http/1.1"])

    @property
    def requests(self) -> list[Head]:
        """The heads of all requests in HTTP/2."""
        return [head for one in self.up for head in one.heads]

    @property
    def answers(self) -> list[Head]:
        """The heads of all answers in HTTP/2."""
        return [head for one in self.down for head in one.heads]

    @property
    def sizes(self) -> list[int]:
        """The bytes of the heads of all requests, in either version, uncompressed."""
        sizes = [len(head) for one in self.text for head in one.heads]
        return sizes + [sum(len(a) + len(b) + 4 for a, b in head) for head in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol() or "http/1.1"
        context = self._authority.context()
        context.set_alpn_protocols([chosen])
        up: FrameReader | TextReader
        down: FrameReader | None = None
        if chosen == "h2":
            up, down = FrameReader(), FrameReader()
            self.up.append(up)
            self.down.append(down)
        else:
            up = TextReader()
            self.text.append(up)
        try:
            far_reader, far = await asyncio.open_connection(
                "127.0.0.1", self._target, ssl=context, server_hostname="127.0.0.1"
            )
            self._writers.add(far)
            await asyncio.gather(_pump(reader, far, up), _pump(far_reader, writer, down))
        except OSError:
            pass  # cut by either side
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()
            if far is not None:
                self._writers.discard(far)
                far.transport.abort()

    async def _close(self) -> None:
        # Not cancelled: asyncio of Python 3.11 complains of handlers that were.
        while self._tasks:
            for one in self._writers:
                one.transport.abort()
            await asyncio.wait(self._tasks, timeout=0.1)


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    heads: FrameReader | TextReader | None,
) -> None:
    while piece := await reader.read(65536):
        if heads is not None:
            heads.feed(piece)
        writer.write(piece)
        await writer.drain()
    writer.close()  # TLS cannot end one direction alone


@asynccontextmanager
async def heads(target: int, authority: Authority) -> AsyncIterator[Heads]:
    """Run one before a TLS server until the end of the block."""
    one = Heads(target, authority)
    server = await asyncio.start_server(one._serve, "127.0.0.1", 0, ssl=one._server)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one._close()
