"""RedisBackplane: processes on one machine or on many, which find each other through one Redis.

Knows: what may be set, and what of it cannot work.
Must not know: how claims, leases and links work; requests.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterable
from typing import Final, Literal

from byway.backplane.base import Backplane
from byway.backplane.conversation import Conversation
from byway.backplane.entrance import Entrance
from byway.backplane.proof import MIN_SECRET
from byway.backplane.redis_process import RedisProcess
from byway.backplane.redis_url import check_url, is_encrypted
from byway.backplane.trust import Trust
from byway.errors import UsageError
from byway.limits import ServerLimits

_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MOST_PORTS: Final = 1_000


def _is_host(text: str) -> bool:
    if ":" in text:
        try:
            ipaddress.IPv6Address(text)
        except ValueError:
            return False
        return True
    return bool(text) and not re.search(r"[\s/\[\]@]", text)


class RedisBackplane:
    """Lets processes share their sessions through a Redis from 6.2 on, or a Valkey.

    Give it to `FallbackMiddleware` or `Endpoint` as `backplane=`. It makes a backplane for each
    event loop that it is used in, so one object serves several.

    A session costs two writes to Redis, and one more each 200 s; its messages cost nothing.
    Processes talk to each other directly, over TCP.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "byway",
        advertise: str | None = None,
        port: int = 0,
        ports: Iterable[int] | None = None,
        secret: str | bytes | None = None,
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | Literal[False] | None = None,
        when_away: Literal["refuse", "open"] = "refuse",
    ) -> None:
        """Say where Redis is. Nothing is connected before the server starts.

        Args:
            url: `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://…` for TLS, `unix:///PATH`, or
                `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/SERVICE` (`rediss+sentinel`).
                What redis-py takes as a query may follow, `?ssl_ca_certs=FILE` for example, but
                not what byway sets itself, such as `socket_timeout` or `decode_responses`; for
                sentinels their own `sentinel_password` and the like. A Redis Cluster is named by
                any of its nodes: all keys of a namespace are in one slot.
            namespace: of the keys in Redis: `byway:{NAMESPACE}:…`. Applications on one Redis
                that shall not share sessions have different ones. Letters, digits, `_.:-`.
            advertise: host or address by which other processes reach this one. By default the
                address from which it reaches Redis.
            port: where it listens for them; 0 for any that is free.
            ports: a range of such ports, for several processes on one machine.
            secret: at least 16 bytes that all processes know and nobody else. By default they
                share one through Redis, so whoever reads Redis can join.
            tls: a context of a server for the links that come, and one of a client for those that
                go. By default links are in clear, as `redis://` is; with `rediss://` it must
                be given, or False for links in clear all the same.
            when_away: what happens to new sessions while Redis does not respond. "refuse": they
                wait for some seconds and get 503, on which clients come again by
                themselves. "open": they open without a claim, and an opening that reaches two
                processes runs the handler twice.

        Raises:
            UsageError: one of these cannot be used.
        """
        check_url(url)
        if not _NAMESPACE.fullmatch(namespace):
            raise UsageError("namespace must be 1 to 64 letters, digits or any of _.:-")
        if advertise is not None and not _is_host(advertise):
            raise UsageError("advertise must be a host or an address, without a port")
        chosen = [port] if ports is None else list(ports)
        if ports is not None and port:
            raise UsageError("give port or ports, not both")
        if not 0 < len(chosen) <= _MOST_PORTS or not all(0 <= one < 65536 for one in chosen):
            raise UsageError(f"ports must be 1 to {_MOST_PORTS} numbers below 65536")
        given = secret.encode() if isinstance(secret, str) else secret
        if given is not None and len(given) < MIN_SECRET:
            raise UsageError(f"secret must have at least {MIN_SECRET} bytes")
        if tls is None and is_encrypted(url):
            raise UsageError(
                "the connection to Redis is encrypted, but links between processes would not be: "
                "give RedisBackplane tls=(server context, client context), or tls=False where "
                "their network is trusted"
            )
        if when_away not in ("refuse", "open"):
            raise UsageError('when_away must be "refuse" or "open"')
        self._url = url
        self._namespace = namespace
        self._advertise = advertise
        self._ports = chosen
        self._secret = given
        self._tls = tls or None
        self._when_away = when_away

    def bind(self, name: str, limits: ServerLimits | None = None) -> Backplane:
        """Make the backplane of one process.

        Args:
            name: of the process.
            limits: the bounds of what it holds; the defaults without.
        """
        return RedisProcess(
            name,
            limits or ServerLimits(),
            conversation=Conversation(self._url),
            namespace=self._namespace,
            entrance=Entrance(self._advertise, self._ports, self._tls),
            trust=Trust(self._secret),
            open_when_away=self._when_away == "open",
        )

    __call__ = bind
