"""The route: in which network the machine is, as far as its own address tells.

Knows: the addresses from which the system would reach the wide network.
Must not know: sessions, transports, what is made of a change.
"""

from __future__ import annotations

import socket

_FAR = (
    # Addresses for documentation (RFC 5737, RFC 3849): routed like any other, and nobody's.
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET6, "2001:db8::1"),
)


def route() -> str:
    """Return this machine's own addresses on the way out; "" where there is no way out.

    Nothing is sent: a datagram socket is connected, which asks the system's table only.
    """
    found = []
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((far, 9))
                found.append(str(asking.getsockname()[0]))
        except OSError:
            pass  # no such route, or no such family
    return "from " + ",".join(found) if found else ""
