"""Clients of the matrix: byway's over one transport, and a plain WebSocket, with one face.

Knows: both libraries.
Must not know: what is checked with them.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.typing import Subprotocol

import byway

TRANSPORTS: Final = ("websocket", "stream", "sse", "poll")
"""All that byway has."""

PLAIN: Final = "plain"
"""A WebSocket without byway."""


class Denied(Exception):
    """The server refused.

    Attributes:
        status: the response's status.
        headers: its headers.
        body: its body.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the response."""
        super().__init__(f"refused with {status} {body!r}")
        self.status = status
        self.headers = headers
        self.body = body


class Client(Protocol):
    """A client that was accepted."""

    async def send(self, message: str | bytes) -> None:
        """Send."""

    async def receive(self) -> str | bytes | None:
        """Wait for a message; None once it is closed."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close."""

    @property
    def code(self) -> int | None:
        """With which code it was closed."""

    @property
    def reason(self) -> str:
        """And with which reason."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""


class Plain:
    """A plain WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        """Use this one."""
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        """Send."""
        await self._connection.send(message)

    async def receive(self) -> str | bytes | None:
        """Wait for a message; None once it is closed."""
        try:
            return await self._connection.recv()
        except websockets.ConnectionClosed:
            return None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close."""
        await self._connection.close(code, reason)

    @property
    def code(self) -> int | None:
        """With which code it was closed."""
        return self._connection.close_code

    @property
    def reason(self) -> str:
        """And with which reason."""
        return self._connection.close_reason or ""

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""
        return self._connection.subprotocol


@asynccontextmanager
async def connect(
    way: str,
    url: str,
    *,
    tls: ssl.SSLContext | None = None,
    headers: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
    close_timeout: float = 3.0,
) -> AsyncIterator[Client]:
    """Connect over one transport, or `PLAIN`.

    Args:
        way: the transport, or `PLAIN`.
        url: with `http` or `https`.
        tls: settings.
        headers: to add.
        subprotocols: to offer.
        close_timeout: seconds that closing may take.

    Raises:
        Denied: the server refused.
    """
    if way == PLAIN:
        try:
            async with plain_connect(
                "ws" + url.removeprefix("http"),
                ssl=tls if url.startswith("https") else None,
                additional_headers=list(headers),
                subprotocols=[Subprotocol(one) for one in subprotocols] or None,
                proxy=None,
                max_size=None,
                close_timeout=close_timeout,
            ) as connection:
                yield Plain(connection)
        except websockets.InvalidStatus as error:
            told = error.response
            raise Denied(told.status_code, dict(told.headers), bytes(told.body or b"")) from error
        return
    try:
        async with byway.connect(
            url,
            transports=[way],
            headers=headers,
            subprotocols=subprotocols,
            ssl=tls,
            proxy=None,
            memory=False,
            plain=False,
            close_timeout=close_timeout,
        ) as channel:
            yield channel
    except byway.Refused as error:
        raise Denied(error.status, dict(error.headers), error.body) from error
