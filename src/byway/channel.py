"""The channel: what an application holds, on the server and on the client.

Knows: what every channel promises.
Must not know: how any of them keeps it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from byway.errors import UsageError
from byway.headers import Headers
from byway.session import Message

if TYPE_CHECKING:
    from byway.negotiation.report import Report

HeaderList = Iterable[tuple[bytes, bytes]]
"""Headers as ASGI has them: pairs of name and value, both bytes."""

OWN_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "byway",
        "byway-offer",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that the transports set, or that would change what a request is. A second one would stand
beside theirs, also of `Host`, which httpx replaces and websockets repeats."""

_OWN_PREFIX: Final = "sec-websocket-"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


class Channel(ABC):
    """Two-way messages between one client and one run of a handler.

    Whatever carries it, each message sent arrives once and in order, until the channel is
    closed. A text arrives as `str`, binary data as `bytes`; empty ones are messages too. When
    the channel is lost (`code` 1006), what was sent last may not have arrived.

    `async for message in channel` ends when the channel is closed.
    """

    @abstractmethod
    async def accept(
        self, subprotocol: str | None = None, headers: HeaderList | None = None
    ) -> None:
        """Accept the client; the server's handler calls this first.

        Args:
            subprotocol: one of those that the client offers, or None.
            headers: headers to add to the response, cookies for instance.

        Raises:
            UsageError: on a client, or on a channel that was accepted or refused already.
        """

    @abstractmethod
    async def refuse(
        self, status: int = 403, headers: HeaderList | None = None, body: bytes = b""
    ) -> None:
        """Refuse the client instead of accepting it, with an HTTP response.

        The client's `connect` raises `Refused` with this response. A server that cannot send one
        in the place of a WebSocket responds with 403 there.

        Args:
            status: the HTTP status, 400 to 599.
            headers: the headers of the response.
            body: its body, of which the first 64 KiB arrive.

        Raises:
            UsageError: on a client, on a channel that was accepted or refused already, or the
                status is another.
        """

    @abstractmethod
    async def receive(self) -> Message | None:
        """Wait for the next message; None once the channel is closed and all were read.

        Cancelling it loses nothing. One task at a time may wait.

        Raises:
            UsageError: another task is waiting already, or the channel is not accepted.
        """

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Send a message, and wait while too much is on its way (`ServerLimits.outbox`).

        A cancelled call has sent the whole message or nothing. Several tasks may call it.

        Raises:
            ChannelClosed: the channel is closing or closed.
            UsageError: a text holds a lone surrogate, or the channel is not accepted.
        """

    @abstractmethod
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the channel. Everything sent before arrives first; what is unread is dropped.

        On a channel that is closed already it does nothing. A server's handler that calls it
        before `accept` refuses the client with status 403.

        Args:
            code: 1000 to 1014 or 3000 to 4999, without 1004 to 1006 (RFC 6455 section 7.4).
            reason: at most 123 bytes of UTF-8.

        Raises:
            UsageError: the code or the reason may not be sent.
        """

    @property
    @abstractmethod
    def code(self) -> int | None:
        """The close code once the channel is closed, None before.

        It is the code that was received (RFC 6455, section 7.1.5), also where both sides close at
        the same moment; a close of one's own comes back with its own code. Until the other side's
        close has come it is one's own; 1006 where the channel was lost without a closing
        handshake. On a server a handler that closes keeps its own: ASGI tells it nothing more.
        """

    @property
    @abstractmethod
    def reason(self) -> str:
        """The reason given with the close code, "" where there is none."""

    @property
    @abstractmethod
    def subprotocol(self) -> str | None:
        """The subprotocol agreed on, if any."""

    @property
    @abstractmethod
    def headers(self) -> Headers:
        """The other side's headers: the request's on a server, the response's on a client."""

    @property
    @abstractmethod
    def transport(self) -> str | None:
        """Name of the transport that carries the channel now, None while none does."""

    def report(self) -> Report:
        """Say what became of each transport in this session so far, and why. No traffic is made.

        `byway.diagnose` tries all of them, this tells only what the session has come across.

        Raises:
            UsageError: on a server, which does not choose and so has nothing to report.
        """
        raise UsageError("report() is for clients; the channel of a server tries no transports")

    def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages until the channel is closed."""
        return self._messages()

    async def _messages(self) -> AsyncIterator[Message]:
        while (message := await self.receive()) is not None:
            yield message


def check_message(message: object) -> Message:
    """Return a message that can be sent; a bytearray or memoryview is copied.

    Raises:
        UsageError: it is neither text nor binary data.
    """
    if isinstance(message, str | bytes):
        return message
    if isinstance(message, bytearray | memoryview):
        return bytes(message)
    raise UsageError(f"a message must be str or bytes, not {type(message).__name__}")


def header_list(
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None,
) -> list[tuple[str, str]]:
    """Copy a caller's headers to a list of pairs, so that nobody's dict is changed.

    Raises:
        UsageError: they are no pairs of texts; a name is no token of RFC 9110 or one of those that
            the transports set themselves; or a value must be printable ASCII, which is all that
            every transport carries.
    """
    if headers is None:
        return []
    given: Any = headers.items() if isinstance(headers, Mapping) else headers
    try:
        pairs = [(name, value) for name, value in given]
    except (TypeError, ValueError):
        raise UsageError("headers must be a dict, or pairs of name and value") from None
    for name, value in pairs:
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(f"the header {name!r} must be text: its name and value are str")
        if not _TOKEN.fullmatch(name):
            raise UsageError(f"the header's name {name!r} is not a token of RFC 9110")
        if name.lower() in OWN_HEADERS or name.lower().startswith(_OWN_PREFIX):
            raise UsageError(f"the header {name!r} is set by the transports themselves")
        if not (value.isascii() and value.replace("\t", " ").isprintable()):
            raise UsageError(f"the header {name!r} must be printable ASCII")
    return pairs
