"""Inside: servers of this process that listen on no port.

Knows: under which host and port each is found, and how a connection to it is had.
Must not know: what serves it, TLS, HTTP, transports.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

Opener = Callable[[], socket.socket]
"""Opens a connection and returns the client's end of it, which does not block."""

_PORTS: Final = 65_535

GONE: Final = 256
"""Servers that have ended and are remembered: connecting to them is refused, without a look-up."""

_lock: Final = threading.Lock()
_openers: Final[dict[tuple[str, int], Opener]] = {}
_gone: Final[deque[tuple[str, int]]] = deque(maxlen=GONE)
_last: int = 0


def let_in(host: str, opener: Opener) -> int:
    """Serve a host inside this process; return a port that no other server of it has.

    Nothing listens there: only connections that byway opens find the way.

    Args:
        host: the name by which the server is called.
        opener: called for each connection, in the thread of whoever connects.
    """
    global _last
    host = host.lower()
    with _lock:
        for _ in range(_PORTS):
            _last = _last % _PORTS + 1
            if (host, _last) not in _openers and (host, _last) not in _gone:
                _openers[host, _last] = opener
                return _last
    raise OSError(f"{_PORTS} servers of this process are called {host}")


def let_out(host: str, port: int) -> None:
    """Serve it no more: its connections stay, and new ones are refused."""
    with _lock:
        _openers.pop((host.lower(), port), None)
        _gone.append((host.lower(), port))


def is_inside(host: str, port: int) -> bool:
    """Say whether a server of this process is, or was, found there."""
    return (host.lower(), port) in _openers or (host.lower(), port) in _gone


def connection_inside(host: str, port: int) -> socket.socket | None:
    """Open a connection to a server of this process; None where none is found there.

    Raises:
        ConnectionRefusedError: there was one, and it has ended.
    """
    if (opener := _openers.get((host.lower(), port))) is not None:
        return opener()
    if is_inside(host, port):
        raise ConnectionRefusedError(f"the server {host}:{port} of this process has ended")
    return None
