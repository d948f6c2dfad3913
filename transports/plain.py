"""Plain: whether a WebSocket that opened without byway's subprotocol is one of a plain server.

Knows: what a byway server says all the same when a proxy has dropped `Sec-WebSocket-Protocol`.
Must not know: sessions, who uses a plain WebSocket, and for what.

A server without byway chooses none of byway's subprotocols. So it looks when a proxy takes the
header out of the 101, and the application would get byway's own frames as its messages. The first
message tells: byway's server begins with OPEN at once. A plain server that says nothing by itself
answers a ping of the WebSocket (RFC 6455, section 5.5.2).
"""

from __future__ import annotations

import asyncio
import logging

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from byway.errors import DROPPED, CarrierLost, FrameError
from byway.frames import OPEN, decode_all
from byway.handshake import Open
from byway.http_library import httpx
from byway.limits import ClientLimits
from byway.transports.base import stop

logger: logging.Logger = logging.getLogger("byway.client")


class Plain:
    """A WebSocket of a server without byway, and what came on it already.

    Attributes:
        socket: the WebSocket. Its messages are to be received from here.
    """

    def __init__(self, socket: ClientConnection, first: str | bytes | None = None) -> None:
        """Keep what came while it was told what the server is."""
        self.socket: ClientConnection = socket
        self._first = first
        self._heard = first is not None

    async def recv(self) -> str | bytes:
        """Wait for the next message. Cancelling it loses none.

        Raises:
            websockets.ConnectionClosed: the WebSocket is closed.
            websockets.ConcurrencyError: another task is waiting.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        message = await self.socket.recv()
        if not self._heard and is_opening(message):
            # The pong has overtaken it. What the application sent was lost on byway's server.
            logger.warning("closing a plain WebSocket whose server turned out to be byway's")
            await self.socket.close(1002, "Sec-WebSocket-Protocol was dropped")
            return await self.socket.recv()  # which says that it is closed
        self._heard = True
        return message


async def tell_plain(
    socket: ClientConnection, headers: httpx.Headers, byway_shown: asyncio.Event
) -> Plain:
    """Find out whether the server is one without byway: by its first message, or a pong.

    Args:
        socket: a WebSocket that opened without byway's subprotocol.
        headers: the headers of its 101.
        byway_shown: set as soon as anything else shows that byway is served at this address.

    Raises:
        CarrierLost: byway is served there.
        websockets.ConnectionClosed: the connection was lost before anything told.
    """
    if byway_shown.is_set() or "byway" in headers:
        raise dropped()
    if socket.subprotocol is not None:
        return Plain(socket)  # the application chose one, so nothing was dropped
    first = asyncio.ensure_future(socket.recv())
    shown = asyncio.ensure_future(byway_shown.wait())
    pong = asyncio.ensure_future(_ping(socket))
    try:
        await asyncio.wait({first, shown, pong}, return_when=asyncio.FIRST_COMPLETED)
        if pong.done() and not pong.result():  # closed; something may have come before that
            await asyncio.wait({first})
        elif not first.done():
            await asyncio.sleep(0)  # what came together with the pong comes with it
        if first.done() and first.exception() is None:
            if is_opening(first.result()):
                raise dropped()
            return Plain(socket, first.result())
        if shown.done():
            raise dropped()
        if first.done() and socket.close_code in (None, 1006):
            first.result()  # it was cut
        return Plain(socket)
    finally:
        await stop(first, shown, pong)


async def _ping(socket: ClientConnection) -> bool:
    """Wait for a pong; say whether it came, rather than the end of the connection."""
    try:
        await (await socket.ping())
    except ConnectionClosed:
        return False
    return True


def is_opening(message: str | bytes) -> bool:
    """Say whether a message is what byway's server says first."""
    if isinstance(message, str) or message[:1] != bytes([OPEN]):
        return False
    try:
        kind, payload = decode_all(message, max_frame=ClientLimits().max_frame)[0]
        Open.parse(payload)
    except (FrameError, IndexError):
        return False
    return kind == OPEN


def dropped() -> CarrierLost:
    """Return the end of an attempt whose server speaks byway, though the 101 does not say so."""
    return CarrierLost(
        "byway is served here, but the 101 came without Sec-WebSocket-Protocol: it was dropped on "
        "the way, or WebSockets go to another server",
        trouble=DROPPED,
    )
