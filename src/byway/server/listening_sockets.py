"""Listening sockets: seeing that a server has begun to stop though no signal came to this process.

Knows: the sockets on which this process listens.
Must not know: which server this is, sessions, what is done when it stops.

uvicorn that has served its number of requests (`--limit-max-requests`, gunicorn's `max_requests`),
or whose `should_exit` was set, and the workers of Hypercorn and anycorn, whose parent keeps the
signal to itself: all of them first close the sockets on which they listen, and go on for a while
with the connections that are open. No server says so to an application; the kernel does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

LOOK: Final = 0.25
"""Seconds between two looks."""

MOST: Final = 4096
"""File descriptors that are looked at, the lowest: servers open what they listen on early."""

_DESCRIPTORS: Final = ("/proc/self/fd", "/dev/fd")

Listening = tuple[int, int, int]
"""A socket on which this process listens: descriptor, device and inode."""


class StopWatch:
    """Calls something once this process does not listen any more where its clients come."""

    def __init__(self, heard: Callable[[], object]) -> None:
        """Prepare to call `heard`."""
        self._heard = heard
        self._sockets: list[Listening] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self, server: Any) -> bool:
        """Look from now on; False where nothing is found that listens.

        Args:
            server: where a client came, as a scope says: host and port, or a path and None.
        """
        self.stop()
        self._sockets = list(_listening(server))
        if not self._sockets:
            return False
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)
        return True

    def sees_another(self, server: Any) -> bool:
        """Say whether this process listens there on a socket that was not looked at last."""
        return any(one not in self._sockets for one in _listening(server))

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if any(_is_open(one) for one in self._sockets):
            self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)
        else:
            self.stop()
            self._heard()


def _listening(server: Any) -> Iterator[Listening]:
    """Find the sockets of this process that listen at an address."""
    try:
        address, port = server
    except (TypeError, ValueError):
        return  # the server does not say where it was reached
    for descriptor in _descriptors():
        with suppress(OSError, ValueError):
            seen = os.fstat(descriptor)
            if stat.S_ISSOCK(seen.st_mode) and _listens(descriptor, address, port):
                yield descriptor, seen.st_dev, seen.st_ino


def _descriptors() -> list[int]:
    for directory in _DESCRIPTORS:
        with suppress(OSError):
            return sorted(int(one) for one in os.listdir(directory) if one.isdigit())[:MOST]
    return []


def _listens(descriptor: int, address: Any, port: Any) -> bool:
    blocks = os.get_blocking(descriptor)
    one = socket.socket(fileno=descriptor)
    try:
        if not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return False
        name = one.getsockname()
        if port is None:
            return bool(name == address)
        # The address may be any of this machine's, where the socket listens on all of them.
        return isinstance(name, tuple) and name[1] == port
    finally:
        one.detach()
        if blocks and socket.getdefaulttimeout() is not None:
            # Python has made it non-blocking for a default timeout; it is somebody else's.
            os.set_blocking(descriptor, True)


def _is_open(one: Listening) -> bool:
    descriptor, device, inode = one
    try:
        seen = os.fstat(descriptor)
    except OSError:
        return False
    return (seen.st_dev, seen.st_ino) == (device, inode)
