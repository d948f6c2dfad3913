"""The pool of HTTP connections, each opened by `reach`.

Knows: how httpx and httpcore open connections, and how they name what went wrong.
Must not know: requests, sessions.

Neither library takes a connection that somebody else has opened, and both leave names to the event
loop's executor. httpcore has an interface for it, its network backend, and httpx does not hand it
on: so it is put into the pool that httpx has made, of whatever kind its proxy needs.

httpcore cleans up in cancel scopes of anyio, which hold no `Task.cancel` off. A task that is
cancelled there loses the connections that the pool was about to close. So closing one never waits.
"""

from __future__ import annotations

import asyncio
import socket
import ssl as ssl_module
from collections.abc import Iterable
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import anyio
import anyio.abc

from byway.http_library import AnyIOStream, httpcore, httpx
from byway.transports.lookup import Names
from byway.transports.reach import reach
from byway.transports.socks import SocksFailed, through_socks

KEPT: Final = 10
"""Idle connections that are kept."""


def pool(
    names: Names, *, ssl: ssl_module.SSLContext, http2: bool, proxy: str | None
) -> httpx.AsyncHTTPTransport:
    """Return a pool for one session.

    Args:
        names: who knows addresses.
        ssl: certificates and TLS settings.
        http2: whether HTTP/2 is offered.
        proxy: URL of the proxy to use, None for none.
    """
    socks = httpx.URL(proxy) if proxy is not None and proxy.startswith("socks") else None
    made = httpx.AsyncHTTPTransport(
        verify=ssl,
        http2=http2,
        proxy=None if socks else proxy,
        trust_env=False,  # the proxy was looked up for all transports alike
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT),
    )
    connections: Any = made._pool
    connections._network_backend = _Backend(names, socks)
    return made


def abandon(stream: Any) -> None:
    """Close the connection of a request that the running task gives up, unless others share it.

    httpcore keeps it to the end of the session where the task was cancelled just before the first
    word of the request, or once more while that was cleaned up.

    Args:
        stream: the `network_stream` of the response; None where none has come.
    """
    if stream is None:
        stream = OPENED.pop(asyncio.current_task(), None)
    if isinstance(stream, _Stream) and not stream.is_shared:
        stream.abort()


class _Backend(httpcore.AnyIOBackend):
    """Opens connections with `reach`, through a SOCKS proxy where there is one."""

    def __init__(self, names: Names, socks: httpx.URL | None) -> None:
        self._names = names
        self._socks = socks

    async def _connect(self, host: str, port: int, timeout: float | None) -> socket.socket:
        if self._socks is None:
            return await reach(self._names, host, port, timeout=timeout)
        async with asyncio.timeout(timeout):
            return await through_socks(self._names, self._socks, host, port, timeout=timeout)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server or a proxy.

        Raises:
            httpcore.ConnectTimeout: it took too long.
            httpcore.ConnectError: the name is not known, or no address took it.
            httpcore.ProxyError: the proxy did not connect.
        """
        try:
            sock = await self._connect(host, port, timeout)
        except SocksFailed as error:
            raise httpcore.ProxyError(str(error)) from error
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        try:
            stream: Any = await anyio.abc.SocketStream.from_socket(sock)
            # It reads when asked, as one that anyio has connected; else more comes than is taken.
            stream._transport.pause_reading()
            return _Stream(stream, stream._transport)
        except (OSError, ValueError) as error:  # it has ended again
            sock.close()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            sock.close()
            raise


class _Stream(AnyIOStream):
    """A connection; a TLS handshake that is not answered is not one that was never connected."""

    def __init__(self, stream: anyio.abc.ByteStream, transport: asyncio.BaseTransport) -> None:
        """Let the running task have opened it.

        Args:
            stream: what is read and written.
            transport: the connection below it.
        """
        super().__init__(stream)
        self._transport = transport
        task = asyncio.current_task()
        if task is not None:
            OPENED[task] = self

    @property
    def is_shared(self) -> bool:
        """Whether other requests may be in it: it speaks HTTP/2."""
        tls = self.get_extra_info("ssl_object")
        return tls is not None and tls.selected_alpn_protocol() == "h2"

    def abort(self) -> None:
        """Close it at once."""
        cast(asyncio.Transport, self._transport).abort()

    async def aclose(self) -> None:
        """Close it at once, without a moment at which this could be cancelled."""
        self.abort()

    async def start_tls(
        self,
        ssl_context: ssl_module.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Go on with TLS.

        Raises:
            httpcore.ReadTimeout: the handshake was not answered in time.
            httpcore.ConnectError: it failed.
        """
        try:
            above = await super().start_tls(ssl_context, server_hostname, timeout)
        except httpcore.ConnectTimeout as error:
            raise httpcore.ReadTimeout("the TLS handshake got no response") from error
        except asyncio.CancelledError:
            self.abort()  # httpcore forgets it then, and closes it only after an error
            raise
        if not isinstance(above, AnyIOStream):
            return above
        return _Stream(above._stream, self._transport)


OPENED: Final = WeakKeyDictionary[asyncio.Task[Any] | None, _Stream]()
"""What each task has opened last. Who makes a request takes it out when a response has come: on it
others may wait from then on."""
