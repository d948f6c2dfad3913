"""The route: in which network the machine is, as far as its own addresses tell.

Knows: the addresses from which the system would reach others.
Must not know: sessions, transports, what is made of a change.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Final

FAR: Final = ("192.0.2.1", "2001:db8::1")
"""Addresses for documentation (RFC 5737, RFC 3849): routed like any other, and nobody's. They stand
for the wide network where it is not known yet which address a server has."""


def own_addresses(others: Iterable[str] = FAR) -> tuple[str, ...]:
    """Return the addresses of this machine from which it would reach others.

    Nothing is sent, and no name is looked up: a datagram socket is connected, which asks the
    system's table only. It takes some 10 µs an address.

    Args:
        others: IP addresses; those to which there is no way are left out.
    """
    found: list[str] = []
    for other in others:
        family = socket.AF_INET6 if ":" in other else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((other, 9))
                found.append(str(asking.getsockname()[0]))
        except OSError:
            pass  # no such route, or no such family
    return tuple(dict.fromkeys(found))


def network_name(near: Iterable[str]) -> str:
    """Return the name of a network, "" where there is no way out.

    It is that of the wide network, unless the way to the server is another: a tunnel to it alone.

    Args:
        near: the addresses from which the server is reached, as far as that is known.
    """
    near, wide = tuple(near), own_addresses()
    found = wide if set(near) <= set(wide) else near
    return "from " + ",".join(found) if found else ""
