"""Identity: the address and the page that a request comes from, and the application's user.

Knows: ASGI scopes, and the application's `bind`.
Must not know: sessions, keys, how a response is sent.
"""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from secrets import compare_digest
from typing import Any

from byway.errors import PeerError
from byway.transports.base import Scope

Bind = Callable[[Any], Hashable | Awaitable[Hashable]]
"""Says whose a request is: called with its ASGI scope. None is anybody who is not logged in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, as far as a request shows it.

    Attributes:
        address: what counts as one client, see `client_address`.
        user: what `bind` says; None where there is no `bind`, or nobody is logged in.
        origin: the header `Origin`, byte for byte; empty where no page asks.
        credentials: a hash of the `Authorization` that came with it, b"" for none.
    """

    address: str = ""
    user: Hashable = None
    origin: bytes = b""
    credentials: bytes = field(default=b"", repr=False)

    def owns(self, opened_by: Identity) -> bool:
        """Say whether this is the user who opened a session; the address does not matter."""
        mine, other = self.user, opened_by.user
        if isinstance(mine, str) and isinstance(other, str):
            # It may be a cookie: then how much of it is right must not show in the time taken.
            return compare_digest(mine.encode(), other.encode())
        return type(mine) is type(other) and mine == other


async def ask_bind(bind: Bind, scope: Scope) -> Hashable:
    """Return the user of a call, as the application's `bind` says.

    Raises:
        PeerError: 403, if `bind` raised PermissionError.
    """
    try:
        user = bind(scope)
        return await user if inspect.isawaitable(user) else user
    except PermissionError:
        raise PeerError("this request may not use this endpoint", status=403) from None


@lru_cache(maxsize=1024)
def client_address(name: str) -> str:
    """Return what counts as one client: an IPv4 address, or a /64 of IPv6.

    Whoever has one address of IPv6 has a whole /64 of them (RFC 6177).

    Args:
        name: the address as the server gives it.
    """
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name  # a Unix socket, or what a proxy has put there
    if address.version == 4:
        return name
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
