"""The entrance: where the door of a process stands, and by what address others find it.

Knows: addresses and ports, of this machine and as others see them.
Must not know: Redis, links, who comes.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence

from byway.backplane.door import Door

logger: logging.Logger = logging.getLogger("byway.backplane")


class Entrance:
    """Where the door is opened.

    Attributes:
        is_open: whether the door is open.
        host: where others find it; "" before it is open.
        port: and the port.
        caller_tls: for links to others within TLS.
    """

    def __init__(
        self,
        advertise: str | None,
        ports: Sequence[int],
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | None,
    ) -> None:
        """Keep what was set up.

        Args:
            advertise: where others find this process; None: where it reaches the directory from.
            ports: those to try, 0 for any.
            tls: for the door, and for links to others.
        """
        self.is_open: bool = False
        self.host: str = ""
        self.port: int = 0
        self._advertise = advertise
        self._ports = ports
        self._tls = tls

    @property
    def caller_tls(self) -> ssl.SSLContext | None:
        """See the class."""
        return self._tls[1] if self._tls else None

    async def open(self, door: Door, own_address: Callable[[], Awaitable[str]]) -> None:
        """Open the door.

        The address that is found is the only one that is listened at. One that was given may be
        that of a translating router, so it listens at all addresses of the machine then.

        Raises:
            UsageError: no port is free.
            OSError: the address cannot be used.
        """
        if self._advertise is None:
            host = listen = await own_address()
            if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
                logger.info(
                    "other processes find this one at %s, so only those on this machine do: "
                    "where others shall, give RedisBackplane advertise=",
                    host,
                )
        else:
            host, listen = self._advertise, ""
        tls = self._tls[0] if self._tls else None
        self.port = await door.listen_tcp(listen, self._ports, tls=tls)
        self.host, self.is_open = host, True
