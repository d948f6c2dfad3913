"""The call: one ASGI call, whose headers are parsed once.

Knows: ASGI scopes, and who makes a call.
Must not know: sessions, transports, how a response is written.
"""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import sha256
from typing import Protocol

from byway.errors import PeerError
from byway.handshake import Hello
from byway.runtime import LiveSession
from byway.server.identity import Bind, Identity, ask_bind, client_address
from byway.transports.base import Event, Headers, Receive, Scope, Send


class Handed(Protocol):
    """What is particular to a call that another process has handed over."""

    def carries(self, live: LiveSession, hello: Hello) -> None:
        """Say which session it carries, and on which carrier, so that it can be moved away."""

    def not_here(self, error: PeerError) -> None:
        """Say that what is asked for is not here, so that it is opened where it was asked for."""


class Call:
    """One ASGI call.

    Attributes:
        scope: the ASGI scope.
        receive: the ASGI receive.
        send: the ASGI send.
        relayed: set where another process got the call and has handed it over. Such a call never
            opens a session, and is handed over no more.
        values: the headers by name. Several with one name are one, with commas (RFC 9110, section
            5.3).
        last_sent: type of the last event that `respond` has sent; "" before.
    """

    __slots__ = ("_identity", "last_sent", "receive", "relayed", "scope", "send", "values")

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, relayed: Handed | None = None
    ) -> None:
        """Parse the headers."""
        self.scope: Scope = scope
        self.receive: Receive = receive
        self.send: Send = send
        self.relayed: Handed | None = relayed
        self.last_sent: str = ""
        self._identity: Identity | None = None
        headers: Headers = scope["headers"]
        values = dict(headers)
        self.values: dict[bytes, bytes] = values if len(values) == len(headers) else joined(headers)

    @property
    def headers(self) -> Headers:
        """The headers, as they came."""
        headers: Headers = self.scope["headers"]
        return headers

    def go_on_with(self, scope: Scope) -> None:
        """Go on with another scope: that of a page whose credentials were taken away."""
        if scope is not self.scope:
            self.scope = scope
            self.values = joined(scope["headers"])

    async def identity(self, bind: Bind | None) -> Identity:
        """Return who makes the call; `bind` is asked once.

        Raises:
            PeerError: 403, if `bind` raised PermissionError.
        """
        found = self._identity
        if found is None:
            scope, values = self.scope, self.values
            user = None if bind is None else await ask_bind(bind, scope)
            client, authorization = scope.get("client"), values.get(b"authorization")
            found = self._identity = Identity(
                client_address(str(client[0])[:64] if client else "unknown"),
                user,
                values.get(b"origin", b""),
                b"" if authorization is None else sha256(authorization).digest(),
            )
        return found

    async def known_as(self, user: Hashable) -> None:
        """Take the user from the process that has asked `bind` already."""
        await self.identity(lambda _: user)

    async def respond(self, event: Event) -> None:
        """Send an event of a response, and note that one has begun."""
        self.last_sent = event["type"]
        await self.send(event)


def joined(headers: Headers) -> dict[bytes, bytes]:
    """Return headers by name; several with one name as one, with commas."""
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        values[name] = values[name] + b", " + value if name in values else value
    return values
