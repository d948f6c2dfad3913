"""Listening: the sockets at which a process accepts connections of others.

Knows: Unix sockets, ports, TLS.
Must not know: who connects, what is said.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from byway.errors import UsageError

BACKLOG: Final = 1024
"""Connections that the kernel keeps until they are accepted, where it keeps so many."""


def _everywhere(port: int) -> socket.socket:
    """Return a socket at all addresses of the machine: one port, for IPv6 and for IPv4.

    Raises:
        OSError: the port is not free.
    """
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            # IPv6 is known to the system, and switched off.
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)


class Listening:
    """Sockets that accept connections, each with a protocol of its own."""

    def __init__(self, accept: Callable[[], asyncio.BaseProtocol], handshake: float) -> None:
        """Listen nowhere.

        Args:
            accept: makes the protocol of a connection.
            handshake: seconds that TLS may take.
        """
        self._accept = accept
        self._handshake = handshake
        self._servers: dict[str | tuple[str, int], asyncio.Server] = {}

    async def listen_unix(self, path: str) -> None:
        """Listen on a Unix socket; one that is there from before is replaced.

        Its directory has to be of mode 0700. The socket is removed by `shut`.

        Raises:
            OSError: it cannot be made.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._accept, path, backlog=BACKLOG)
        before = self._servers.pop(path, None)
        self._servers[path] = server
        os.chmod(path, 0o600)
        if before is not None:  # of a socket that somebody has removed
            before.close()

    async def listen_tcp(
        self, host: str, ports: Iterable[int] = (0,), *, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen on the first port that is free, and return it.

        Args:
            host: address to listen at; "" for all of the machine, of IPv6 and of IPv4.
            ports: those to try; 0 lets the kernel choose.
            tls: for links within TLS; the settings of a server.

        Raises:
            UsageError: none of them is free.
            OSError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        tried = list(ports)
        for port in tried:
            try:
                where: dict[str, Any] = {"host": host, "port": port}
                if not host:
                    where = {"sock": _everywhere(port)}
                server = await loop.create_server(
                    self._accept,
                    **where,
                    backlog=BACKLOG,
                    ssl=tls,
                    ssl_handshake_timeout=self._handshake if tls else None,
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                found = int(server.sockets[0].getsockname()[1])
                self._servers[host, found] = server
                return found
        raise UsageError(f"none of the ports {tried} of {host} is free: give a wider range")

    def shut(self) -> None:
        """Accept no connection any more. Those that are there go on."""
        for where, server in self._servers.items():
            server.close()
            if isinstance(where, str):
                with suppress(OSError):  # it was removed already
                    os.unlink(where)
        self._servers.clear()
