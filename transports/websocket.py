"""websocket: both directions on one WebSocket (RFC 6455).

Knows: how frames travel in WebSocket messages, and how a session is named in a handshake.
Must not know: sessions' contents, other transports.

A text on its own is a WebSocket text message, untouched; everything else is encoded frames in
binary messages, as many as are pending in each. So is an empty text: there are servers that drop
a WebSocket message without bytes, which RFC 6455 allows (Daphne 4.2 does), and all that follows
would count one too few.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, Final

from byway.errors import CarrierLost, FrameError
from byway.frames import TEXT, Decoder, Frame
from byway.handshake import SUBPROTOCOL, Hello
from byway.limits import KIB, SessionLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.session import Outgoing, Output, joined
from byway.transports.base import Exchange, Transport, first_of
from byway.transports.closing import close_websocket

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
        # What a server does not load: websockets' client, and httpx.
        from byway.transports.websocket_client import carry

        await carry(dial, carrier, self.name)


LEFT = "the client left"

WRITE: Final = 32 * KIB
"""Bytes of frames that go into one WebSocket message, exceeded by at most one frame. Servers and
proxies bound a message, some at 64 KiB."""


def message_of(frames: list[Output]) -> str | bytes:
    """Return the WebSocket message that carries these frames."""
    frame = frames[0]
    if len(frames) > 1 or not isinstance(frame, Outgoing) or frame.kind != TEXT:
        return joined(frames)
    # The fragment that closes a text may begin inside a character.
    is_whole = frame.message is None
    return frame.as_text() if is_whole and frame.length else joined(frames)


class MessageReader:
    """Turns WebSocket messages into frames."""

    def __init__(self, limits: SessionLimits) -> None:
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
    reader = MessageReader(exchange.limits)
    while (event := await exchange.receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.receive":
            text = event.get("text")
            carrier.feed(reader.frames(event["bytes"] if text is None else text))
    carrier.end(LEFT)


async def _serve_down(exchange: Exchange, carrier: LiveCarrier) -> None:
    frames: list[Output] = [exchange.opening(carrier)]
    while frames:
        message = message_of(frames)
        if isinstance(message, str):
            await exchange.send({"type": "websocket.send", "text": message})
        else:
            await exchange.send({"type": "websocket.send", "bytes": message})
        del message  # the wait for the next may be long, and this is acknowledged meanwhile
        frames.clear()
        frames = await carrier.output(size=WRITE)
