"""WebSocket over HTTP/2 (RFC 8441) in the client: a stream that looks like a connection of its own.

Knows: HTTP/2 (the library h2), and what the library websockets wants of the connection below it.
Must not know: frames, sessions, whether and when this is tried.

websockets says its handshake in HTTP/1.1. Here it goes up as an extended CONNECT, as a proxy would
say it to an origin, the response comes down as that of HTTP/1.1, and the rest is the stream's data.
The connection of HTTP/2 carries this one stream; httpx has one of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import websockets
from hpack import NeverIndexedHeaderTuple
from websockets.asyncio.client import ClientConnection
from websockets.utils import accept_key

from byway.limits import KIB, MIB

WINDOW: Final = 1 * MIB
"""Bytes that the server may send before they are taken (RFC 9113 section 5.2)."""

_STREAM: Final = 1
"""The one stream of a connection: a client's first."""

_ID_OF_SETTING: Final = h2.settings.SettingCodes

# Of the handshake in HTTP/1.1: another form of it, or forbidden, in HTTP/2 (RFC 8441 section 5).
_NOT_UP: Final = {"connection", "host", "sec-websocket-key", "upgrade"}
_NOT_DOWN: Final = {b"connection", b"sec-websocket-accept", b"transfer-encoding", b"upgrade"}


class NotExtended(websockets.InvalidHandshake):
    """The server speaks HTTP/2, and no WebSocket came of it; the cause is its response."""


class ExtendedConnection(ClientConnection):
    """A WebSocket over a stream of HTTP/2 where the server chose HTTP/2 in the TLS handshake.

    Where it chose HTTP/1.1 this is a connection like any other.
    """

    _stream: _Stream | None = None
    _full = False  # the connection below takes no more for now
    _waits = False  # the stream takes no more for now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin HTTP/2, if that was chosen."""
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._stream = _Stream(cast(asyncio.Transport, transport), self)
            transport = self._stream
        super().connection_made(transport)

    async def handshake(self, *arguments: Any, **options: Any) -> None:
        """Ask for a WebSocket.

        Raises:
            NotExtended: it was asked for over HTTP/2, or could not be, and there is none.
            websockets.InvalidHandshake: so over HTTP/1.1.
        """
        if self._stream is None:
            await super().handshake(*arguments, **options)
            return
        try:
            waits = (self._stream.offered, self.connection_lost_waiter)
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._stream.offered.done() and not self._stream.offered.result():
                raise NotExtended("no WebSocket is offered over HTTP/2")
            await super().handshake(*arguments, **options)
        except (websockets.InvalidHandshake, websockets.ConnectionClosed) as error:
            raise NotExtended(f"no WebSocket over HTTP/2: {error}") from error

    def data_received(self, data: bytes) -> None:
        """Take what comes on the connection."""
        if self._stream is None:
            super().data_received(data)
        else:
            self._stream.receive(data)

    def stream_received(self, data: bytes) -> None:
        """Take what comes on the stream."""
        super().data_received(data)
        if self.protocol.close_rcvd is not None and self.protocol.close_sent is not None:
            # Both have said it. Some servers do not end the stream then; nothing more comes.
            self.transport.close()

    def pause_writing(self) -> None:
        """Take it that the connection is full."""
        self._hold(full=True, waits=self._waits)

    def resume_writing(self) -> None:
        """Take it that the connection is not full any more."""
        self._hold(full=False, waits=self._waits)

    def stream_waits(self, waits: bool) -> None:
        """Take it that the stream has no window, or has one again."""
        self._hold(full=self._full, waits=waits)

    def _hold(self, *, full: bool, waits: bool) -> None:
        held = self._full or self._waits
        self._full, self._waits = full, waits
        if held != (full or waits):
            if held:
                super().resume_writing()
            else:
                super().pause_writing()


class _Stream(asyncio.Transport):
    """The stream, as the transport that websockets writes to."""

    def __init__(self, below: asyncio.Transport, above: ExtendedConnection) -> None:
        """Begin HTTP/2 on a connection.

        Args:
            below: the connection.
            above: who is told what comes.
        """
        super().__init__()
        self.offered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._below = below
        self._above = above
        self._asked = False
        self._waiting = bytearray()  # what there was no window for
        self._most = 32 * KIB
        self._taken = 0  # bytes of window that the server does not have back yet
        self._paused = False
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None)
        )
        self._http.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                _ID_OF_SETTING.ENABLE_PUSH: 0,
                _ID_OF_SETTING.INITIAL_WINDOW_SIZE: WINDOW,
                _ID_OF_SETTING.MAX_HEADER_LIST_SIZE: 64 * KIB,
            },
        )
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW - 65_535)
        self._flush()

    # What websockets calls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Say the handshake, which is what comes first, or send data."""
        if not self._asked:
            self._ask()
            return
        self._waiting += data
        self._send()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Let so much wait here and below before the writer has to."""
        self._most = self._most if high is None else high
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait."""
        return len(self._waiting) + self._below.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        """Say that there is no half of a WebSocket."""
        return False

    def pause_reading(self) -> None:
        """Give no window back; at most `WINDOW` more comes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Give the window back."""
        self._paused = False
        self._give_back()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Say whether it ends."""
        return self._below.is_closing()

    def close(self) -> None:
        """End the connection when what was sent has gone."""
        if not self.is_closing():
            self._http.close_connection()
            self._flush()
            self._below.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._below.abort()

    # What comes from the server

    def receive(self, data: bytes) -> None:
        """Take bytes of the connection."""
        try:
            events = self._http.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()  # the library has prepared what to say
            self.abort()
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RemoteSettingsChanged):
            if not self.offered.done():
                self.offered.set_result(self._http.remote_settings.enable_connect_protocol == 1)
            self._send()
        elif isinstance(event, h2.events.WindowUpdated):
            self._send()
        elif isinstance(event, h2.events.ResponseReceived):
            self._above.stream_received(self._answer(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            self._taken += event.flow_controlled_length
            self._above.stream_received(event.data)
            if not self._paused:
                self._give_back()
        elif isinstance(event, h2.events.StreamEnded):
            self._above.eof_received()
            self.close()
        elif isinstance(event, h2.events.StreamReset) or self._is_over(event):
            self.abort()

    def _is_over(self, event: h2.events.Event) -> bool:
        """Say whether the connection ends: without an error streams go on (RFC 9113, 6.8)."""
        if not isinstance(event, h2.events.ConnectionTerminated):
            return False
        return bool(event.error_code) or not self._asked or (event.last_stream_id or 0) < _STREAM

    def _ask(self) -> None:
        request = self._above.request
        assert request is not None
        self._asked = True
        head: list[Any] = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":authority", request.headers["Host"]),
            (":path", request.path),
        ]
        given = ((name.lower(), value) for name, value in request.headers.raw_items())
        # No one on the way is to keep a key in a table (RFC 7541 section 7.1.3), nor to log it.
        head += [NeverIndexedHeaderTuple(*one) for one in given if one[0] not in _NOT_UP]
        self._http.send_headers(_STREAM, head)
        self._flush()

    def _answer(self, headers: list[Any]) -> bytes:
        """Put a response into the words of HTTP/1.1."""
        status = bytes(dict(headers)[b":status"])
        lines = [b"HTTP/1.1 " + status + b" "]
        if status.startswith(b"2"):
            lines = [b"HTTP/1.1 101 Switching Protocols"]
            accept = accept_key(self._above.protocol.key).encode()
            lines += [b"connection: Upgrade", b"upgrade: websocket"]
            lines += [b"sec-websocket-accept: " + accept]
        lines += [
            bytes(name) + b": " + bytes(value)
            for name, value in headers
            if not name.startswith(b":") and name not in _NOT_DOWN
        ]
        return b"\r\n".join([*lines, b"", b""])

    def _give_back(self) -> None:
        taken, self._taken = self._taken, 0
        if taken:
            self._http.acknowledge_received_data(taken, _STREAM)
            self._flush()

    def _send(self) -> None:
        """Send what there is a window for, and let the writer wait with too much of the rest."""
        try:
            while self._waiting and (size := self._room()) > 0:
                self._http.send_data(_STREAM, bytes(self._waiting[:size]))
                del self._waiting[:size]
        except h2.exceptions.ProtocolError:
            self._waiting.clear()  # the stream has ended, and who writes is told
        self._flush()
        self._above.stream_waits(len(self._waiting) > self._most)

    def _room(self) -> int:
        window = self._http.local_flow_control_window(_STREAM)
        return min(window, self._http.max_outbound_frame_size)

    def _flush(self) -> None:
        if (data := self._http.data_to_send()) and not self._below.is_closing():
            self._below.write(data)
