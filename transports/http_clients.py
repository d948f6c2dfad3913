"""The HTTP clients of one session: the one in use, and those that only end their requests.

Knows: how httpx makes a client, and when one may be closed.
Must not know: what is asked with them, sessions.
"""

from __future__ import annotations

import ssl as ssl_module
from collections import Counter
from typing import Final

from byway.http_library import httpx
from byway.transports.cookies import NO_COOKIES
from byway.transports.http2 import OwnProtocols
from byway.transports.lookup import Names
from byway.transports.pool import pool

# Loading the system's certificates takes longer than a connection: not for http.
_PLAIN: Final = ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)


class HttpClients:
    """Makes the HTTP client of a session, and closes each that it does not use any more.

    Attributes:
        names: who knows addresses.
        ssl: certificates and TLS settings; None for plain text.
        proxy: URL of the proxy to use, None for none.
        http2: whether HTTP/2 is wanted where there is TLS.
    """

    def __init__(
        self,
        names: Names,
        *,
        ssl: ssl_module.SSLContext | None,
        proxy: str | None,
        http2: bool,
    ) -> None:
        """Begin without a client."""
        self.names = names
        self.ssl = ssl
        self.proxy = proxy
        self.http2 = http2
        self._current: httpx.AsyncClient | None = None
        self._left: list[httpx.AsyncClient] = []
        self._asking: Counter[httpx.AsyncClient] = Counter()  # requests
        self._shared = False

    @property
    def current(self) -> httpx.AsyncClient:
        """The client in use; made at its first use."""
        if self._current is None:
            self._current = httpx.AsyncClient(
                transport=pool(
                    self.names,
                    ssl=_PLAIN if self.ssl is None else OwnProtocols(self.ssl),
                    http2=self.ssl is not None and self.http2,
                    proxy=self.proxy,
                ),
                cookies=NO_COOKIES,
                trust_env=False,
                follow_redirects=False,
            )
        return self._current

    def begin(self) -> httpx.AsyncClient:
        """Return the client in use, which has one request more until `ended`."""
        client = self.current
        self._asking[client] += 1
        return client

    async def ended(self, client: httpx.AsyncClient) -> None:
        """Take it that one of its requests is over, and close what nothing needs any more."""
        self._asking[client] -= 1
        if not self._asking[client]:
            del self._asking[client]
        await self._close_left()

    def spoke(self, version: str) -> None:
        """Take the version of HTTP of a response: over HTTP/2 all requests share a connection."""
        self._shared |= version == "HTTP/2"

    def distrust(self, client: httpx.AsyncClient) -> None:
        """Begin another connection for the next request, where all have shared the one that failed.

        On HTTP/1.1 a request that failed has ended its own. One of HTTP/2 stays in the pool, dead
        or not, and every later request would wait on it.
        """
        if self._shared and client is self._current:
            self._leave()

    def _leave(self) -> None:
        """Make no request with this client any more; those that it has go on."""
        if self._current is not None:
            self._left.append(self._current)
            self._current = None

    async def _close_left(self, *, all_of_them: bool = False) -> None:
        """Close the clients that were left, and have no request any more.

        A client stays among them until it is closed, so that nothing is lost of one whose closing
        is cancelled.
        """
        for client in list(self._left):
            if all_of_them or not self._asking[client]:
                await client.aclose()
                if client in self._left:
                    self._left.remove(client)

    async def renew(self) -> None:
        """Make new connections for the requests from now on: the idle ones may be dead.

        The responses that are being read now go on; those from before the last time do not.
        """
        await self._close_left(all_of_them=True)
        self._leave()
        await self._close_left()

    async def aclose(self) -> None:
        """Close the connections."""
        self._leave()
        await self._close_left(all_of_them=True)
