"""The client's half of websocket: opens one, and exchanges frames over it.

Knows: the client of `websockets`, what its errors mean, HTTP/2 as a way to a WebSocket.
Must not know: sessions' contents, other transports, a server.

It is apart from `byway.transports.websocket` since it needs two libraries that a server does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from byway.errors import CarrierLost, FrameError
from byway.handshake import OFFER_HEADER, SUBPROTOCOL
from byway.headers import raw_headers
from byway.http_library import httpx
from byway.limits import KIB
from byway.runtime import LATE, LiveCarrier
from byway.session import joined
from byway.transports.base import first_of
from byway.transports.connection_errors import proxy_headers, proxy_status, schemes_text, trouble
from byway.transports.http2 import OwnProtocols
from byway.transports.plain import tell_plain
from byway.transports.refusal import check_refusal
from byway.transports.tunnel import connected
from byway.transports.websocket import WRITE, MessageReader, message_of

if TYPE_CHECKING:
    from byway.transports.dial import Dial

logger: logging.Logger = logging.getLogger("byway.transports.websocket")

MAX_WEBSOCKET_MESSAGE: Final = 64 * KIB
"""Bytes of a WebSocket message that carries frames, at most."""


async def carry(dial: Dial, carrier: LiveCarrier, name: str) -> None:
    """Exchange frames over a WebSocket; hand it over as it is where byway is not served.

    Args:
        dial: how to reach the server.
        carrier: what to carry.
        name: the transport's.

    Raises:
        Refused: the application refused the session.
        CarrierLost: the WebSocket did not open, or ended before the session.
    """
    hello = dial.hello(carrier, name)
    offers = [SUBPROTOCOL, hello.token(), *dial.subprotocols]
    try:
        async with await _open(dial, offers) as socket:
            dial.reached(socket.remote_address)
            response = socket.response
            headers = httpx.Headers(raw_headers(response.headers.raw_items()) if response else [])
            dial.observer.answered(name, 101, headers)
            dial.learn(101, headers, opens=socket.subprotocol == SUBPROTOCOL)
            if socket.subprotocol != SUBPROTOCOL:
                await dial.on_plain(await tell_plain(socket, headers, dial.byway_shown))
                return
            await first_of(
                _carry_down(dial, carrier, socket, headers),
                _carry_up(dial, carrier, socket),
                _watch_up(dial, carrier),
            )
            await socket.close()
    except websockets.InvalidStatus as error:
        answer = error.response
        _learn(dial, error)
        check_refusal(
            answer.status_code,
            answer.headers.get("byway", ""),
            list(answer.headers.raw_items()),
            bytes(answer.body or b""),
        )
    except websockets.ConnectionClosed as error:
        raise CarrierLost(_closed(error), trouble="reset") from error
    except (websockets.WebSocketException, OSError, TimeoutError) as error:
        raise CarrierLost(
            f"{type(error).__name__}: {error}{schemes_text(proxy_headers(error))}",
            answered=proxy_status(error),
            headers=proxy_headers(error),
            trouble=trouble(error),
        ) from error
    except FrameError as error:
        raise CarrierLost(
            f"the server sent what it may not: {error}", trouble="protocol"
        ) from error
    if carrier.core.ended and not carrier.live.core.finished:
        raise CarrierLost(carrier.core.ended)


async def _open(dial: Dial, offers: list[str]) -> ClientConnection:
    """Open a WebSocket, over HTTP/2 where that is wanted and can be.

    Raises:
        websockets.WebSocketException: there is none; and other exceptions of the connection.
    """

    def connect(
        ssl: SSLContext | None, kind: type[ClientConnection]
    ) -> Awaitable[ClientConnection]:
        return connected(
            dial.url,
            names=dial.names,
            ssl=ssl,
            proxy=dial.proxy,
            timeout=dial.patience,
            subprotocols=[Subprotocol(one) for one in offers],
            # By which a server knows that a proxy has dropped the subprotocols.
            additional_headers=[*dial.outgoing, (OFFER_HEADER, SUBPROTOCOL)],
            compression=None,
            open_timeout=None,
            ping_interval=dial.limits.silence,
            ping_timeout=dial.patience,
            close_timeout=1,
            max_size=max(dial.limits.max_message, MAX_WEBSOCKET_MESSAGE),
            create_connection=kind,
        )

    if dial.ssl is None:
        return await connect(None, ClientConnection)
    if dial.extended:
        # Imported here since it needs what only the extra `http2` brings.
        from byway.transports.extended import ExtendedConnection, NotExtended

        try:
            return await connect(OwnProtocols(dial.ssl, "h2", "http/1.1"), ExtendedConnection)
        except NotExtended as error:
            answer = error.__cause__
            if isinstance(answer, websockets.InvalidStatus) and "byway" in answer.response.headers:
                raise answer from None  # byway's own: it would be the same over HTTP/1.1
            if isinstance(answer, websockets.InvalidStatus):
                _learn(dial, answer)
            logger.info("%s; now over HTTP/1.1", error)
            dial.extended = False
    return await connect(OwnProtocols(dial.ssl), ClientConnection)


def _learn(dial: Dial, refusal: websockets.InvalidStatus) -> None:
    response = refusal.response
    headers = httpx.Headers(raw_headers(response.headers.raw_items()))
    dial.learn(response.status_code, headers, opens=False)


def _closed(error: websockets.ConnectionClosed) -> str:
    if error.rcvd is None:
        return "the connection was cut"
    return f"the WebSocket was closed with {error.rcvd.code} {error.rcvd.reason}".rstrip()


async def _carry_down(
    dial: Dial, carrier: LiveCarrier, socket: ClientConnection, headers: httpx.Headers
) -> None:
    reader = MessageReader(dial.limits)
    while True:
        try:
            async with asyncio.timeout(dial.patience):
                message = await socket.recv()
        except TimeoutError:
            raise CarrierLost(f"silent for {dial.patience:g} s", trouble="timeout") from None
        dial.feed(carrier, reader.frames(message), headers)


async def _carry_up(dial: Dial, carrier: LiveCarrier, socket: ClientConnection) -> None:
    # The client speaks first: some proxies hold the server's first message until it does. Apache
    # holds over HTTP/2 what came together with the 101, until the server says something more.
    loop = asyncio.get_running_loop()
    carrier.ask_echo(b"")
    await socket.send(joined(carrier.live.core.take(carrier.core, 0, beat=True)))
    while frames := await carrier.output(dial.heartbeat, silence=dial.silence, size=WRITE):
        await socket.send(message_of(frames))
        carrier.moved = loop.time()


async def _watch_up(dial: Dial, carrier: LiveCarrier) -> None:
    """Give the carrier up when what went up is not acknowledged for two heartbeats.

    The server acknowledges within one. Where nothing goes up any more its own heartbeats may
    still come down, so that silence does not tell.
    """
    outbox = carrier.live.core.outbox
    stuck = 0
    while stuck < LATE:
        first, written = outbox.first, carrier.core.cursor
        await asyncio.sleep(dial.heartbeat)
        stuck = stuck + 1 if outbox.first == first < written else 0
    raise CarrierLost(f"nothing was acknowledged for {stuck * dial.heartbeat:g} s")
