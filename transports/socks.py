"""Through a SOCKS proxy: a connection to a server, made by python-socks.

Knows: how python-socks speaks to a proxy, and takes the connection to it from `reach`.
Must not know: what goes over the connection.

For every transport alike: httpcore's own way leaves the connection to the proxy open where an
attempt is cancelled on it.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from byway.http_library import httpx
from byway.transports.lookup import Names
from byway.transports.reach import reach

PORT = 1080
"""Where a SOCKS proxy listens, unless its URL says otherwise."""


class SocksFailed(Exception):
    """The proxy did not connect."""


async def through_socks(
    names: Names, proxy: httpx.URL, host: str, port: int, *, timeout: float | None
) -> socket.socket:
    """Connect to a server, whose name the proxy looks up; the caller closes the socket.

    Cancelling leaves no socket behind.

    Args:
        names: who knows the proxy's addresses.
        proxy: its URL, `socks5` or `socks5h`, with its credentials.
        host: of the server, a name or an address.
        port: of the server.
        timeout: seconds that connecting to the proxy may take; None for no bound.

    Raises:
        SocksFailed: the proxy did not connect, or is none.
        ImportError: the extra `socks` is not installed.
        OSError: the proxy is not reached; see `reach`.
    """
    # What only the extra brings.
    from python_socks import ProxyType  # pyright: ignore[reportMissingImports]
    from python_socks.async_.asyncio import Proxy  # pyright: ignore[reportMissingImports]

    class Way:
        """The way to the proxy, as python-socks takes that of a chain of them."""

        async def connect(self, dest_host: str, dest_port: int, **_: Any) -> socket.socket:
            return await reach(names, dest_host, dest_port, timeout=timeout)

    user = proxy.username or None
    through = Proxy(
        ProxyType.SOCKS5,
        proxy.raw_host.decode("ascii"),
        proxy.port or PORT,
        user,
        proxy.password if user else None,
        rdns=True,
        forward=cast(Any, Way()),
    )
    try:
        sock: socket.socket = await through.connect(host, port)
    except OSError:
        raise
    except Exception as error:
        raise SocksFailed(f"the SOCKS proxy did not connect: {error}") from error
    return sock
