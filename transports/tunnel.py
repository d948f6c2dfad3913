"""WebSocket connections: opened by `reach`, through a proxy where there is one.

Knows: how websockets opens a connection, and how it speaks to proxies.
Must not know: handshakes of byway, sessions.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from typing import Any, cast
from urllib.parse import urlsplit

import websockets.asyncio.client
import websockets.uri
from websockets.asyncio.client import ClientConnection, HTTPProxyConnection
from websockets.asyncio.client import connect as websocket_connect

from byway.http_library import httpx
from byway.transports.lookup import Names
from byway.transports.reach import reach
from byway.transports.socks import SocksFailed, through_socks

_PORTS = {"http": 80, "https": 443}


async def connected(
    url: httpx.URL,
    *,
    names: Names,
    ssl: ssl_module.SSLContext | None,
    proxy: str | None,
    timeout: float,
    **options: Any,
) -> ClientConnection:
    """Open a WebSocket.

    Args:
        url: the endpoint as an ``http(s)`` URL.
        names: who knows addresses.
        ssl: certificates and TLS settings; None for plain text.
        proxy: URL of the proxy to use, None for none. The proxy looks the endpoint's name up.
        timeout: seconds that a connection to the server, or the proxy, may take.
        options: more of `websockets.asyncio.client.connect`.

    Raises:
        websockets.WebSocketException: there is none; and the exceptions of `reach`.
    """
    uri = str(url.copy_with(scheme="ws" if ssl is None else "wss"))
    host, port = _host_and_port(url)
    if proxy is None:
        sock = await reach(names, host, port, timeout=timeout)
    elif proxy.startswith("socks"):
        try:
            sock = await through_socks(names, httpx.URL(proxy), host, port, timeout=timeout)
        except SocksFailed as error:
            raise websockets.ProxyError(str(error)) from error
    else:
        return await _Tunnelled(uri, names, proxy, timeout, ssl=ssl, **options)
    return await _Connect(uri, sock=sock, ssl=ssl, proxy=None, **options)


class _Connect(websocket_connect):
    """A connection that follows no redirect, which would take the session's key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the redirect as the error that it is here."""
        return exc


class _Tunnelled(_Connect):
    """One through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6).

    websockets opens the connection to a proxy itself, and takes no other. This does in the same
    steps what it does, from the connection on.
    """

    def __init__(
        self,
        uri: str,
        names: Names,
        proxy: str,
        timeout: float,
        *,
        ssl: ssl_module.SSLContext | None,
        **options: Any,
    ) -> None:
        super().__init__(uri, proxy=None, ssl=ssl, **options)
        self._names = names
        # Where this function is at home differs between the releases of websockets.
        self._through = cast(Any, websockets.asyncio.client).parse_proxy(proxy)
        self._timeout = timeout
        self._tls = ssl

    async def open_tcp_connection(self) -> ClientConnection:
        """Connect to the proxy, ask it for a tunnel, and begin TLS with the server in that."""
        loop = asyncio.get_running_loop()
        uri, through = websockets.uri.parse_uri(self.uri), self._through
        # Its name differs between the releases of websockets.
        factory = getattr(self, "factory", None) or cast(Any, self).protocol_factory
        tls: dict[str, Any] = {}
        if through.scheme == "https":
            tls = {"ssl": True, "server_hostname": through.host}
        sock = await reach(self._names, through.host, through.port, timeout=self._timeout)
        below, asking = await loop.create_connection(
            lambda: HTTPProxyConnection(uri, through, self.user_agent_header), sock=sock, **tls
        )
        try:
            await asking.response
            connection: ClientConnection = factory(uri)
            below.set_protocol(connection)
            transport: asyncio.Transport | None = below
            if self._tls is not None:
                transport = await loop.start_tls(
                    below, connection, self._tls, server_hostname=uri.host
                )
        except BaseException:
            below.abort()
            raise
        assert transport is not None
        connection.connection_made(transport)
        return connection

    create_connection = open_tcp_connection
    """What it was called before websockets 17."""


def _host_and_port(url: httpx.URL) -> tuple[str, int]:
    return url.raw_host.decode("ascii"), url.port or _PORTS[urlsplit(str(url)).scheme]
