"""The call: one ASGI call, whose headers are parsed once.

Knows: ASGI scopes, and who makes a call.
Must not know: sessions, transports, how a response is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from byway.errors import PeerError
from byway.handshake import Hello
from byway.live import LiveSession
from byway.server.identity import Bind, Identity, identify
from byway.transports.base import Headers, Receive, Scope, Send


class Handed(Protocol):
    """What is particular to a call that another process has handed over."""

    def carries(self, live: LiveSession, hello: Hello) -> None:
        """Say which session it carries, and on which carrier, so that it can be moved away."""

    def not_here(self, error: PeerError) -> None:
        """Say that what is asked for is not here, so that it is opened where it was asked for."""


@dataclass(slots=True)
class Call:
    """One ASGI call.

    Attributes:
        scope: the ASGI scope.
        receive: the ASGI receive.
        send: the ASGI send.
        relayed: set where another process got the call and has handed it over. Such a call never
            opens a session, and is handed over no more.
        values: the headers by name; of several with one name, the last.
    """

    scope: Scope
    receive: Receive
    send: Send
    relayed: Handed | None = None
    values: dict[bytes, bytes] = field(default_factory=dict)
    _identity: Identity | None = None

    def __post_init__(self) -> None:
        """Parse the headers."""
        self.values = dict(self.scope["headers"])

    @property
    def headers(self) -> Headers:
        """The headers, as they came."""
        headers: Headers = self.scope["headers"]
        return headers

    async def identity(self, bind: Bind | None) -> Identity:
        """Return who makes the call; `bind` is asked once.

        Raises:
            PeerError: 403, if `bind` raised PermissionError.
        """
        if self._identity is None:
            self._identity = await identify(bind, self.scope)
        return self._identity

    def known(self, identity: Identity) -> None:
        """Take who makes the call from the process that has asked already."""
        self._identity = identity


Serve = Callable[[Call], Awaitable[None]]
"""What serves a call."""
