"""websocket: both directions on one WebSocket (RFC 6455).

Knows: how frames travel in WebSocket messages, and how a session is named in a handshake.
Must not know: sessions' contents, other transports.

A text on its own is a WebSocket text message, untouched; everything else is encoded frames in
binary messages, as many as are pending in each. So is an empty text: there are servers that drop
a WebSocket message without bytes, which RFC 6455 allows (Daphne 4.2 does), and all that follows
would count one too few.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from ssl import SSLContext
from typing import TYPE_CHECKING, ClassVar, Final

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from byway.errors import CarrierLost, FrameError
from byway.frames import TEXT, Decoder, Frame
from byway.handshake import OFFER_HEADER, SUBPROTOCOL, Hello
from byway.http_library import httpx
from byway.limits import KIB, Limits
from byway.runtime import LATE, LiveCarrier, LiveSession
from byway.session import Outgoing, Output, joined
from byway.transports.base import Exchange, Transport, first_of
from byway.transports.closing import close_websocket
from byway.transports.http2 import OwnProtocols
from byway.transports.plain import tell_plain
from byway.transports.refusal import check_refusal
from byway.transports.trouble import proxy_headers, proxy_status, schemes_text, trouble
from byway.transports.tunnel import connected

if TYPE_CHECKING:
    from byway.transports.dial import Dial

logger: logging.Logger = logging.getLogger("byway.transports.websocket")


class WebSocket(Transport):
    """WebSocket."""

    name: ClassVar[str] = "websocket"
    batched: ClassVar[bool] = False

    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Exchange frames with an ASGI server's WebSocket until it, or the session, ends."""
        carrier = live.attach(hello.carrier, self.name, ordered=True, received=hello.received)
        carrier.establish()
        code, reason = 1000, ""
        try:
            await exchange.send(
                {
                    "type": "websocket.accept",
                    "subprotocol": SUBPROTOCOL,
                    "headers": [(b"byway", self.name.encode()), *exchange.headers],
                }
            )
            await first_of(_serve_up(exchange, carrier), _serve_down(exchange, carrier))
            if not live.core.finished:
                code, reason = 1001, carrier.core.ended
        except FrameError as error:
            logger.warning("session %s: bad frames on websocket: %s", live.name, error)
            code, reason = 1009 if error.status == 413 else 1002, str(error)
        except CarrierLost as error:
            code, reason = 1001, str(error)  # it had ended for another reason before this came
        finally:
            gone = carrier.core.ended == LEFT
            carrier.end(LEFT)
        if not gone:
            await close_websocket(exchange.send, code, reason)

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Exchange frames over a WebSocket; hand it over as it is where byway is not served."""
        hello = dial.hello(carrier, self.name)
        offers = [SUBPROTOCOL, hello.token(), *dial.subprotocols]
        try:
            async with await _open(dial, offers) as socket:
                dial.reached(socket.remote_address)
                response = socket.response
                headers = httpx.Headers(list(response.headers.raw_items()) if response else [])
                dial.observer.answered(self.name, 101, headers)
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


LEFT = "the client left"

WRITE: Final = 32 * KIB
"""Bytes of frames that go into one WebSocket message, exceeded by at most one frame. Servers and
proxies bound a message, some at 64 KiB."""

MAX_WEBSOCKET_MESSAGE: Final = 64 * KIB
"""Bytes of a WebSocket message that carries frames, at most."""


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
    headers = httpx.Headers(list(response.headers.raw_items()))
    dial.learn(response.status_code, headers, opens=False)


def _closed(error: websockets.ConnectionClosed) -> str:
    if error.rcvd is None:
        return "the connection was cut"
    return f"the WebSocket was closed with {error.rcvd.code} {error.rcvd.reason}".rstrip()


def _message(frames: list[Output]) -> str | bytes:
    """Return the WebSocket message that carries these frames."""
    frame = frames[0]
    if len(frames) > 1 or not isinstance(frame, Outgoing) or frame.kind != TEXT:
        return joined(frames)
    # The fragment that closes a text may begin inside a character.
    is_whole = frame.message is None
    return frame.as_text() if is_whole and frame.length else joined(frames)


class _Reader:
    """Turns WebSocket messages into frames."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._decoder = Decoder(max_frame=limits.max_frame)

    def frames(self, message: str | bytes) -> list[Frame]:
        """Return the frames of one message.

        Raises:
            FrameError: it is too long, or not a whole number of frames.
        """
        if isinstance(message, str):
            payload = message.encode()
            if len(payload) > self._limits.max_frame:
                raise FrameError(
                    f"a text of {len(payload)} bytes is over the bound of "
                    f"{self._limits.max_frame} for one frame",
                    status=413,
                )
            return [(TEXT, payload)]
        if len(message) > self._limits.body:
            raise FrameError(
                f"a WebSocket message is over the bound of {self._limits.body} bytes", status=413
            )
        return self._decoder.feed(message, last=True)


async def _serve_up(exchange: Exchange, carrier: LiveCarrier) -> None:
    reader = _Reader(exchange.limits)
    while (event := await exchange.receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.receive":
            text = event.get("text")
            carrier.feed(reader.frames(event["bytes"] if text is None else text))
    carrier.end(LEFT)


async def _serve_down(exchange: Exchange, carrier: LiveCarrier) -> None:
    frames: list[Output] = [exchange.opening(carrier)]
    while frames:
        message = _message(frames)
        if isinstance(message, str):
            await exchange.send({"type": "websocket.send", "text": message})
        else:
            await exchange.send({"type": "websocket.send", "bytes": message})
        del message  # the wait for the next may be long, and this is acknowledged meanwhile
        frames.clear()
        frames = await carrier.output(size=WRITE)


async def _carry_down(
    dial: Dial, carrier: LiveCarrier, socket: ClientConnection, headers: httpx.Headers
) -> None:
    reader = _Reader(dial.limits)
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
        await socket.send(_message(frames))
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
