"""The client's channels: what `connect` gives, over byway's transports or a plain WebSocket.

Knows: a session that is open, or the WebSocket of a server without byway.
Must not know: what a caller may ask of `connect`, how transports are tried.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import websockets

from byway.channel import Channel, HeaderList, check_message
from byway.client.driver import Driver
from byway.errors import Attempt, ChannelClosed, UsageError
from byway.headers import Headers, raw_headers
from byway.negotiation.report import Report
from byway.session import Closed, Message

if TYPE_CHECKING:
    from byway.transports.plain import Plain


class _AcceptedChannel(Channel):
    """A client's channel, which its server has accepted.

    Attributes:
        closed_here: `close` was called before the server's close had come.
    """

    closed_here: bool = False

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server wants to have passed before another session, if it said so."""
        return None

    def _close_here(self) -> None:
        self.closed_here = True

    async def accept(
        self, subprotocol: str | None = None, headers: HeaderList | None = None
    ) -> None:
        """Raise: only a server's handler accepts."""
        raise UsageError("accept() is for servers; the channel of a client is already accepted")

    async def refuse(
        self, status: int = 403, headers: HeaderList | None = None, body: bytes = b""
    ) -> None:
        """Raise: only a server's handler refuses."""
        raise UsageError("refuse() is for servers; use close() on the channel of a client")


class ClientChannel(_AcceptedChannel):
    """A client's channel, carried by whatever transport gets through."""

    def __init__(self, driver: Driver, close_timeout: float) -> None:
        """Wrap an open session."""
        assert driver.opening is not None
        self._driver = driver
        self._live = driver.live
        self._opening = driver.opening
        self._close_timeout = close_timeout

    async def receive(self) -> Message | None:
        """Wait for the next message."""
        got = await self._live.receive()
        return None if isinstance(got, Closed) else got

    async def send(self, message: Message) -> None:
        """Send a message."""
        message = check_message(message)
        if not self._live.try_send(message):
            await self._live.send(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the channel, and wait until the server has acknowledged everything."""
        first = self.code is None
        self._live.close(code, reason)
        if first:
            self._close_here()
        await self._driver.finish(self._close_timeout)

    async def aclose(self) -> None:
        """Let go at once; the server learns of it when the window is over."""
        self._live.abort(1006, "cancelled")
        await self._driver.aclose()

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server wants to have passed before another session, if it said so."""
        return self._driver.retry_after

    @property
    def code(self) -> int | None:
        """The close code."""
        end = self._live.core.end
        return None if end is None else end.code

    @property
    def reason(self) -> str:
        """The close reason."""
        end = self._live.core.end
        return "" if end is None else end.reason

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the application chose."""
        return self._opening.subprotocol

    @property
    def headers(self) -> Headers:
        """The headers of the response that opened the session."""
        return Headers(self._driver.headers.raw)

    @property
    def transport(self) -> str | None:
        """Name of the transport in use."""
        return self._live.transport

    def report(self) -> Report:
        """Say what became of each transport."""
        return self._driver.report()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried in vain before the session opened."""
        return tuple(self._driver.record.attempts)


class PlainChannel(_AcceptedChannel):
    """A client's channel to a server without byway: a plain WebSocket, which does not resume."""

    def __init__(self, driver: Driver, plain: Plain, close_timeout: float) -> None:
        """Wrap an open WebSocket."""
        self._driver = driver
        self._plain = plain
        self._socket = plain.socket
        self._close_timeout = close_timeout

    async def receive(self) -> Message | None:
        """Wait for the next message."""
        try:
            return await self._plain.recv()
        except websockets.ConnectionClosed:
            return None
        except websockets.ConcurrencyError:
            raise UsageError("another task is already waiting in receive()") from None

    async def send(self, message: Message) -> None:
        """Send a message."""
        message = check_message(message)
        if isinstance(message, str):
            try:
                message.encode()  # websockets would close the connection for it
            except UnicodeEncodeError:
                raise UsageError(
                    "the text contains a lone surrogate, so it cannot be sent"
                ) from None
        try:
            await self._socket.send(message)
        except websockets.ConnectionClosed as error:
            raise ChannelClosed(self.code or 1006, self.reason) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket and wait for the server's response."""
        if self.code is None:
            self._close_here()
        try:
            async with asyncio.timeout(self._close_timeout):
                await self._socket.close(code, reason)
        except TimeoutError:
            pass  # aclose() cuts it
        except websockets.ProtocolError as error:
            raise UsageError(str(error)) from None
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Let go at once."""
        self._driver.live.abort(1006, "a plain WebSocket carries the channel")
        await self._driver.aclose()

    @property
    def code(self) -> int | None:
        """The close code."""
        return self._socket.close_code

    @property
    def reason(self) -> str:
        """The close reason."""
        return self._socket.close_reason or ""

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        return self._socket.subprotocol

    @property
    def headers(self) -> Headers:
        """The headers of the server's response."""
        response = self._socket.response
        return Headers(raw_headers(response.headers.raw_items()) if response else ())

    @property
    def transport(self) -> str | None:
        """Always `websocket`."""
        return "websocket"

    def report(self) -> Report:
        """Say what became of each transport."""
        return self._driver.report()
