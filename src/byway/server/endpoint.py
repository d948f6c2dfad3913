"""The endpoint: a bare handler, served without a framework.

Knows: ASGI's `websocket` events, and the channel that a handler holds.
Must not know: sessions, transports.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from byway.backplane.choice import BackplaneSpec
from byway.channel import Channel, HeaderList, check_message
from byway.errors import ChannelClosed, UsageError
from byway.frames import valid_close_code
from byway.headers import Headers
from byway.limits import ServerLimits
from byway.server.call import Call
from byway.server.context import Context
from byway.server.identity import Bind
from byway.server.middleware import FallbackMiddleware
from byway.server.origin import Origins
from byway.server.reader_forms import ReaderForm
from byway.server.validation import check_handler
from byway.session import Message
from byway.transports.base import Event, Receive, Scope, Send

Handler = Callable[[Channel], Awaitable[None]]
"""The one handler interface: it is called once for each client."""


class Endpoint(FallbackMiddleware):
    """An ASGI application that serves one handler over every transport.

    It responds at any path it is called for, so it can be mounted in a framework. A plain GET
    gets what the handler sends (`curl -N`, `EventSource`).
    """

    def __init__(
        self,
        handler: Handler,
        *,
        transports: str | Iterable[str] | None = None,
        origins: Origins = (),
        bind: Bind | None = None,
        readers: bool | ReaderForm = True,
        backplane: BackplaneSpec = None,
        name: str | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        """Serve a handler.

        Args:
            handler: called with a `Channel` for each client. Its return closes the channel with
                1000, an exception with 1011.
            transports: see `FallbackMiddleware`.
            origins: see `FallbackMiddleware`.
            bind: see `FallbackMiddleware`.
            readers: whether a plain GET gets what the handler sends: as events or as
                lines, as `Accept` says. Who names no preference there gets lines, or events if
                this is ``"events"``.
            backplane: see `FallbackMiddleware`.
            name: see `FallbackMiddleware`.
            limits: see `ServerLimits`.

        Raises:
            UsageError: an argument is wrong.
        """
        check_handler(handler)
        super().__init__(
            HandlerApplication(handler),
            transports=transports,
            origins=origins,
            bind=bind,
            readers=readers,
            backplane=backplane,
            name=name,
            limits=limits,
        )
        # Nobody else judges the page that makes a plain WebSocket here.
        self._context.plain = _serve_plain


async def _serve_plain(call: Call, context: Context) -> None:
    """Serve a WebSocket that does not speak byway, with the handler."""
    connected = True  # `websocket.connect` was received already

    async def receive_all() -> Event:
        nonlocal connected
        if connected:
            connected = False
            return {"type": "websocket.connect"}
        return await call.receive()

    await context.app(call.scope, receive_all, call.respond)


class HandlerApplication:
    """An ASGI application made of one handler.

    Attributes:
        handler: the handler.
    """

    def __init__(self, handler: Handler) -> None:
        """Keep the handler."""
        self.handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            channel = ServerChannel(scope, receive, send)
            try:
                await self.handler(channel)
            except ChannelClosed:
                pass  # the handler was sending while the client left: an ordinary end
            except Exception:
                if channel.accepted:
                    await channel.close(1011, "the handler failed")
                raise
            if channel.accepted:
                await channel.close()
        elif scope["type"] == "http":
            text = b"This is a byway endpoint: connect with byway, a WebSocket, or a plain GET.\n"
            await send(
                {
                    "type": "http.response.start",
                    "status": 405 if scope["method"] != "GET" else 426,
                    "headers": [
                        (b"content-type", b"text/plain; charset=utf-8"),
                        (b"content-length", str(len(text)).encode()),
                        (b"x-content-type-options", b"nosniff"),
                        (b"allow", b"GET, POST"),
                        (b"upgrade", b"websocket"),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": text, "more_body": False})
        elif scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})


_ACCEPT_FIRST: Final = "accept() the channel first"
_MESSAGES: Final = (str, bytes)


class ServerChannel(Channel):
    """The channel of a handler, over ASGI's `websocket` events."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one ASGI call, whose `websocket.connect` was received already."""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._receiving = False
        self._ended = False  # nothing can be received any more
        self._code: int | None = None
        self._reason = ""
        self._subprotocol: str | None = None
        self.accepted: bool = False

    async def accept(
        self, subprotocol: str | None = None, headers: HeaderList | None = None
    ) -> None:
        """Accept the client."""
        if self.accepted or self._code is not None:
            raise UsageError("the channel has already been accepted or refused")
        if subprotocol is not None and subprotocol not in self._scope["subprotocols"]:
            raise UsageError(
                f"the client does not offer the subprotocol {subprotocol!r}; it offers "
                f"{self._scope['subprotocols']}"
            )
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": subprotocol,
                "headers": list(headers or []),
            }
        )
        self.accepted = True
        self._subprotocol = subprotocol

    async def refuse(
        self, status: int = 403, headers: HeaderList | None = None, body: bytes = b""
    ) -> None:
        """Refuse the client with an HTTP response."""
        if self.accepted or self._code is not None:
            raise UsageError("the channel has already been accepted or refused")
        if not 400 <= status <= 599:
            raise UsageError(f"status {status} is not a refusal: use 400 to 599")
        if "websocket.http.response" not in (self._scope.get("extensions") or {}):
            await self.close()
            return
        self._code, self._ended = 1006, True  # no closing handshake takes place
        await self._send(
            {
                "type": "websocket.http.response.start",
                "status": status,
                "headers": list(headers or []),
            }
        )
        await self._send({"type": "websocket.http.response.body", "body": body})

    async def receive(self) -> Message | None:
        """Wait for the next message."""
        if not self.accepted and self._code is None:
            raise UsageError(_ACCEPT_FIRST)
        if self._ended:
            return None
        if self._receiving:
            raise UsageError("another task is already waiting in receive()")
        self._receiving = True
        try:
            event = await self._receive()
        finally:
            self._receiving = False
        if event["type"] == "websocket.disconnect":
            self._ended = True
            if self._code is None:
                self._code = event.get("code", 1005)
                self._reason = event.get("reason") or ""
            return None
        text: str | None = event.get("text")
        data: bytes = event.get("bytes") or b""
        return data if text is None else text

    async def send(self, message: Message) -> None:
        """Send a message."""
        if self._code is not None:
            raise ChannelClosed(self._code, self._reason)
        if not self.accepted:
            raise UsageError(_ACCEPT_FIRST)
        if type(message) not in _MESSAGES:
            message = check_message(message)
        key = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", key: message})
        except OSError as error:
            cause = error.__cause__
            closed = cause if isinstance(cause, ChannelClosed) else ChannelClosed(1006, "")
            # A message that came before the end can still be received.
            self._code, self._reason = closed.code, closed.reason
            raise ChannelClosed(self._code, self._reason) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the channel, or refuse the client."""
        if self._code is not None:
            return
        if not valid_close_code(code):
            raise UsageError(f"close code {code} may not be sent: use 1000 to 1014 or 3000 to 4999")
        self._code, self._reason, self._ended = code, reason, True
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    @property
    def code(self) -> int | None:
        """The close code."""
        return self._code

    @property
    def reason(self) -> str:
        """The close reason."""
        return self._reason

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol accepted."""
        return self._subprotocol

    @property
    def headers(self) -> Headers:
        """The request's headers."""
        return Headers(self._scope["headers"])

    @property
    def scope(self) -> Scope:
        """The ASGI scope, for everything else that the server knows of the client."""
        return self._scope

    @property
    def transport(self) -> str | None:
        """Name of the transport that carries the channel now."""
        extension = (self._scope.get("extensions") or {}).get("byway")
        return extension["transport"]() if extension else "websocket"
