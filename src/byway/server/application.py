"""One run of an ASGI application over one session.

Knows: the ASGI `websocket` scope and its events, and a live session.
Must not know: transports, requests, other sessions.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from byway.errors import ChannelClosed, UsageError
from byway.runtime import LiveSession
from byway.server.failures import tell_failure
from byway.session import OVERHEAD, Closed, Message
from byway.transports.base import Event, Headers, Scope

logger: logging.Logger = logging.getLogger("byway.server")

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application. Each framework has types of its own for the three arguments."""

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_NOT_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # all controls but the tab

# Of the request that opened the session, not of the WebSocket that the application sees.
_NOT_THE_APPLICATIONS = {
    b"byway",
    b"byway-offer",
    b"connection",
    b"content-length",
    b"content-type",
    b"expect",
    b"last-event-id",  # it holds the key of a reader's session
    b"sec-websocket-protocol",
    b"transfer-encoding",
    b"upgrade",
}

# Which every handshake of HTTP/1.1 brings (RFC 6455, section 4.1): some applications, Engine.IO's
# among them, take nothing for a WebSocket without.
_HANDSHAKE = ((b"connection", b"Upgrade"), (b"upgrade", b"websocket"))


def websocket_scope(scope: Scope, subprotocols: tuple[str, ...]) -> Scope:
    """Make the `websocket` scope that an application sees, from what opened the session.

    Args:
        scope: of the HTTP request or WebSocket handshake. It is not changed.
        subprotocols: what the client offers, without byway's own.
    """
    headers = [pair for pair in scope["headers"] if pair[0] not in _NOT_THE_APPLICATIONS]
    headers += _HANDSHAKE
    if subprotocols:
        headers.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    seen = {key: value for key, value in scope.items() if key != "method"}
    seen |= {
        "type": "websocket",
        "scheme": _SCHEMES.get(scope.get("scheme", "http"), "ws"),
        "subprotocols": list(subprotocols),
        "headers": headers,
        "asgi": {**scope.get("asgi", {}), "spec_version": "2.5"},
        # The others act on the response that carries the session now.
        "extensions": {
            **{
                name: value
                for name, value in (scope.get("extensions") or {}).items()
                if name == "tls"
            },
            "websocket.http.response": {},
        },
    }
    if "state" in scope:
        seen["state"] = dict(scope["state"])
    return seen


@dataclass(frozen=True, slots=True)
class Accepted:
    """The application accepted the client.

    Attributes:
        subprotocol: its choice.
        headers: what it adds to the response.
    """

    subprotocol: str | None
    headers: Headers


@dataclass(slots=True)
class Denied:
    """The application refused the client.

    Attributes:
        status: the HTTP status.
        headers: the headers of the response.
        body: the body of the response.
        remembered: it was given before, and is asked for again.
    """

    status: int = 403
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    remembered: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing but 403, as `websocket.close` before `websocket.accept` does."""
        return self.status == 403 and not self.headers and not self.body

    def may_retry(self, credentials: bytes, refused: bytes) -> bool:
        """Say whether the application is asked again, by an attempt with other credentials.

        A browser sends a user and a password with a WebSocket handshake only when they were asked
        for (401, RFC 9110, section 15.5.2): the attempts of one client do not all bring them.
        """
        return self.status == 401 and credentials != refused


class ApplicationDisconnected(OSError):
    """Raised to an application that sends after the client is gone, as ASGI asks for."""


class ApplicationRun:
    """Runs an application in a task of its own, with the opener's context.

    Attributes:
        live: the session that it talks over.
        task: the task, so that somebody holds it.
        decision: done once the application has accepted or refused.
        accepted: what it accepted with; None before, and where it has refused.
    """

    def __init__(self, app: Application, scope: Scope, live: LiveSession) -> None:
        """Start it.

        Args:
            app: the application.
            scope: the `websocket` scope that it shall see.
            live: the session.
        """
        self.live = live
        self.decision: asyncio.Future[Accepted | Denied] = (
            asyncio.get_running_loop().create_future()
        )
        self.accepted: Accepted | None = None
        self._denial: Denied | None = None  # while its body is coming
        self._connected = False
        self._disconnected = False
        self._unheard = 0  # cost of what was sent after the end, since it last received
        self._offered: tuple[str, ...] = tuple(scope["subprotocols"])
        scope["extensions"]["byway"] = {"transport": lambda: live.transport}
        self.task: asyncio.Task[None] = asyncio.create_task(
            self._run(app, scope),
            name=f"byway session {live.name}",
            context=contextvars.copy_context(),
        )

    async def _run(self, app: Application, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except ApplicationDisconnected:
            self.live.close()
        except asyncio.CancelledError:
            self.live.abort(1006, "the application was cancelled")
            raise
        except Exception as error:
            logger.exception("session %s: exception in the application", self.live.name)
            tell_failure(error)
            self._leave(1011, "the application failed")
        else:
            if not self.decision.done():
                logger.error(
                    "session %s: the application returned without accepting", self.live.name
                )
            self._leave(1000, "")
        finally:
            self._decide(Denied(500, [], b"Internal Server Error"))

    def _leave(self, code: int, reason: str) -> None:
        if self.accepted is not None:
            self.live.close(code, reason)

    def _decide(self, decision: Accepted | Denied) -> None:
        if not self.decision.done():
            self.decision.set_result(decision)
            if isinstance(decision, Accepted):
                self.accepted = decision

    async def _receive(self) -> Event:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        got = await self.live.receive()
        self._unheard = 0
        if isinstance(got, Closed):
            self._disconnected = True
            return {"type": "websocket.disconnect", "code": got.code, "reason": got.reason}
        # One key only, as servers do: some frameworks take the mere presence of the other for
        # a message.
        if isinstance(got, str):
            return {"type": "websocket.receive", "text": got}
        return {"type": "websocket.receive", "bytes": got}

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "websocket.send":
            message = event.get("text")
            if message is None:
                message = event["bytes"]
            if not self.decision.done():
                raise RuntimeError("websocket.send came before websocket.accept")
            try:
                # Most messages need no wait; a coroutine for each would double their cost.
                if not self.live.try_send(message):
                    await self.live.send(message)
            except ChannelClosed as error:
                self._drop(message, error)
        elif kind == "websocket.close":
            self._close(event.get("code") or 1000, event.get("reason") or "")
        elif kind == "websocket.accept":
            self._accept(event)
        elif kind == "websocket.http.response.start":
            if self.decision.done() or self._denial is not None:
                raise RuntimeError(f"{kind} came after the application had accepted or refused")
            status = event["status"]
            if type(status) is not int or not 200 <= status <= 599:
                raise UsageError(f"invalid response status {status!r}: use 200 to 599")
            self._denial = Denied(status, self._headers(event))
        elif kind == "websocket.http.response.body":
            if self._denial is None:
                raise RuntimeError(f"{kind} came before websocket.http.response.start")
            longest = self.live.server_limits.refusal_body
            self._denial.body = (self._denial.body + event.get("body", b""))[:longest]
            if not event.get("more_body", False):
                self._decide(self._denial)
        else:
            raise RuntimeError(f"unknown ASGI event {kind!r}")

    def _drop(self, message: Message, error: ChannelClosed) -> None:
        """Drop what nobody will read, while the application still reads what came before the end.

        It has been told of the end only when it has received `websocket.disconnect`. Raising
        earlier would keep an echo from the messages that its client sent before it closed.

        Raises:
            ApplicationDisconnected: it knows of the end, or nothing is left to read, or it has
                sent as much as an outbox holds without reading.
        """
        self._unheard += len(message) + OVERHEAD
        if (
            self._disconnected
            or not len(self.live.core.inbox)
            or self._unheard > self.live.limits.outbox
        ):
            raise ApplicationDisconnected(str(error)) from error

    def _accept(self, event: Event) -> None:
        if self.decision.done() or self._denial is not None:
            raise RuntimeError(
                "websocket.accept came after the application had accepted or refused"
            )
        subprotocol = event.get("subprotocol")
        if subprotocol is not None and subprotocol not in self._offered:
            raise UsageError(
                f"the application chose the subprotocol {subprotocol!r}; "
                f"the client offered {list(self._offered)}"
            )
        self._decide(Accepted(subprotocol, self._headers(event)))

    def _headers(self, event: Event) -> Headers:
        """Return the headers of a response.

        Raises:
            UsageError: one could end its line and begin another (response splitting), or they
                are too long. What it holds is not said: it may have come from a client.
        """
        headers = [(bytes(name), bytes(value)) for name, value in event.get("headers") or []]
        for name, value in headers:
            if not _NAME.fullmatch(name):
                raise UsageError(f"invalid header name {name[:50]!r}")
            if _NOT_IN_VALUES.search(value):
                raise UsageError(
                    f"the header {name[:50]!r} holds a line break or a control character"
                )
        longest = self.live.server_limits.answer_headers
        if sum(len(name) + len(value) for name, value in headers) > longest:
            raise UsageError(f"the response headers are longer than {longest} bytes")
        return headers

    def _close(self, code: int, reason: str) -> None:
        if not self.decision.done():
            if self._denial is not None:
                raise RuntimeError("websocket.close came inside a denial response")
            self._decide(Denied())
        else:
            self.live.close(code, reason)
