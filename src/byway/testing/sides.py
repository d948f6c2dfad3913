"""The two sides of the proxy: HTTP/1.1 with a client, and with the origin.

Knows: h11, addresses.
Must not know: rules, plans.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl as ssl_module
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from byway.errors import UsageError
from byway.testing.heads import HeaderPairs
from byway.testing.limits import NetworkLimits
from byway.testing.wire import Wire, discard, drain_wholly, reset

MAX_PORT = 65_535

RawHeaders = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization"})
"""Headers that concern one connection only (RFC 9110, section 7.6.1), but for those of framing."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an origin is.

    Attributes:
        host: its name or address.
        port: its port.
        tls: whether it speaks TLS.
    """

    host: str
    port: int
    tls: bool = False

    @classmethod
    def of(cls, origin: str | int) -> Address:
        """Read a port of 127.0.0.1, or an ``http(s)`` or ``ws(s)`` URL without a path.

        Raises:
            UsageError: it is neither.
        """
        if isinstance(origin, int):
            if not 0 < origin <= MAX_PORT:
                raise UsageError(f"{origin} is no port")
            return cls("127.0.0.1", origin)
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{origin!r} is not a URL: {error}") from None
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise UsageError(f"{origin!r} is not an origin: write http://HOST:PORT, or a port")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UsageError(f"{origin!r} has a path: name the origin only")
        tls = parts.scheme in ("https", "wss")
        return cls(parts.hostname, port or (443 if tls else 80), tls)

    @classmethod
    def of_connect(cls, target: str) -> Address | None:
        """Read the ``host:port`` of a CONNECT; None if it is none."""
        host, _, port = target.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
            return None
        return cls(host.strip("[]"), int(port))

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)

    @property
    def authority(self) -> str:
        """Host and port, as they stand in a URL and in `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return it as a URL."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: `localhost`, or an address of the loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def pairs(head: h11.Request | h11.Response) -> HeaderPairs:
    """Return the headers of a head as rules see them."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)


def without(head: h11.Request | h11.Response, names: frozenset[bytes]) -> RawHeaders:
    """Return the headers of a head as they were written, without some."""
    return [(raw, value) for raw, value in head.headers.raw_items() if raw.lower() not in names]


class ClientSide:
    """HTTP with a client.

    Attributes:
        http: h11's state.
        head_sent: whether a response to the current request has begun.
    """

    def __init__(self, wire: Wire, limits: NetworkLimits) -> None:
        """Wait for a request."""
        self.http: h11.Connection = h11.Connection(
            h11.SERVER, max_incomplete_event_size=limits.head
        )
        self.head_sent: bool = False
        self._wire = wire

    async def next_event(self) -> h11.Event:
        """Wait for the next event; ConnectionClosed at the end.

        Raises:
            h11.RemoteProtocolError: the client sends what is no HTTP, or closed in mid-request.
        """
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self._wire.read())
            elif event is h11.PAUSED:
                raise AssertionError("read beyond the end of a request")
            else:
                assert not isinstance(event, type)
                return event

    async def send(self, event: h11.Event) -> None:
        """Send an event."""
        if isinstance(event, h11.Response):
            self.head_sent = True
        if data := self.http.send(event):
            await self._wire.write(data)

    def next_request(self) -> bool:
        """Make ready for the next request; False if the connection cannot be used again."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        self.head_sent = False
        return True


class OriginSide:
    """HTTP with the origin, one request a connection.

    Attributes:
        http: h11's state.
        reader: of the socket.
        writer: of the socket.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: NetworkLimits,
        touch: Callable[[], None],
    ) -> None:
        """Wrap a connection."""
        self.http: h11.Connection = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=limits.head
        )
        self.reader: asyncio.StreamReader = reader
        self.writer: asyncio.StreamWriter = writer
        self._limits = limits
        self._touch = touch
        drain_wholly(writer)

    @classmethod
    async def connect(
        cls,
        address: Address,
        ssl: ssl_module.SSLContext | None,
        limits: NetworkLimits,
        touch: Callable[[], None],
    ) -> OriginSide:
        """Connect.

        Raises:
            OSError: it is not there.
            TimeoutError: it did not accept within `connect_timeout`.
        """
        context = (ssl or ssl_module.create_default_context()) if address.tls else None
        async with asyncio.timeout(limits.connect_timeout):
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, limit=limits.piece
            )
        return cls(reader, writer, limits, touch)

    async def send(self, event: h11.Event, *, http10: bool = False) -> None:
        """Send an event, a request as HTTP/1.0 if asked.

        Raises:
            OSError: the connection is broken.
        """
        data = self.http.send(event)
        if data:
            if http10 and isinstance(event, h11.Request):
                data = data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)  # h11 writes 1.1 only
            await self.write(data)

    async def next_event(self) -> h11.Event:
        """Wait for the next event.

        Raises:
            OSError: the connection is broken.
            h11.RemoteProtocolError: the origin sends what is no HTTP, or closed in mid-answer.
        """
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.read())
            elif event is h11.PAUSED:
                raise AssertionError("read beyond the end of a response")
            else:
                assert not isinstance(event, type)
                return event

    async def read(self) -> bytes:
        """Wait for bytes; b"" at the end."""
        data = await self.reader.read(self._limits.piece)
        self._touch()
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes, and wait while too many are not yet taken."""
        self.writer.write(data)
        await self.writer.drain()
        self._touch()

    def reset(self) -> None:
        """Reset the connection at once."""
        reset(self.writer)

    def abort(self) -> None:
        """Begin to let go of it; `aclose` waits for the end of that."""
        self.writer.transport.abort()

    async def aclose(self) -> None:
        """Let go of it."""
        await discard(self.writer)
