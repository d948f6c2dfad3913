"""Bodies that are being read: each within its bounds, and all of them within one.

Knows: ASGI's `http.request` events, and how much memory unfinished bodies may take.
Must not know: what a body says, sessions, responses.

A body is read whole before it is answered, so whoever begins many and ends none would fill the
memory. At the bound the one that has been coming for the longest is given up, never the newcomer
refused: bodies of honest clients come in one piece or few, so the oldest is the slowest.
"""

from __future__ import annotations

import asyncio

from byway.errors import PeerError
from byway.limits import ServerLimits
from byway.transports.base import Receive


class ClientLeft(Exception):
    """The client left before its body was whole; nobody is there to answer."""


class _Unfinished:
    """A body that is being read."""

    __slots__ = ("crowded_out", "data", "timeout")

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self.data = bytearray()  # in one piece: many small ones would take many times their size
        self.timeout = timeout
        self.crowded_out = False


class Bodies:
    """The bodies that are being read in this process.

    Attributes:
        size: bytes of them.
    """

    def __init__(self, limits: ServerLimits) -> None:
        """Start with none."""
        self._limits = limits
        self._unfinished: dict[_Unfinished, None] = {}  # the oldest first
        self.size: int = 0

    async def read(self, receive: Receive) -> bytes:
        """Read a body to its end, before anything is answered.

        Raises:
            PeerError: 413, if it is over the bound; 408, if it takes too long; 503, if all bodies
                together are over theirs and this one has been coming for the longest.
            ClientLeft: the client left.
        """
        limits = self._limits
        body: _Unfinished | None = None
        try:
            async with asyncio.timeout(limits.body_timeout) as timeout:
                while True:
                    event = await receive()
                    if event["type"] == "http.disconnect":
                        raise ClientLeft
                    piece: bytes = event.get("body", b"")
                    if body is None:
                        if len(piece) > limits.body:
                            raise PeerError(too_long(limits), status=413)
                        if not event.get("more_body", False):
                            return piece  # whole in one piece, as most are
                        body = self._begin(timeout)
                    if body.crowded_out:
                        raise TimeoutError  # it came before the time-out could be noticed
                    if len(body.data) + len(piece) > limits.body:
                        raise PeerError(too_long(limits), status=413)
                    if not event.get("more_body", False):
                        return bytes(body.data) + piece
                    body.data += piece
                    self.size += len(piece)
                    self._make_room()
        except TimeoutError:
            if body is not None and body.crowded_out:
                raise PeerError("too many uploads in progress", status=503) from None
            raise PeerError(
                f"the request body did not arrive within {limits.body_timeout:g} s", status=408
            ) from None
        finally:
            if body is not None:
                self._drop(body)

    def _begin(self, timeout: asyncio.Timeout) -> _Unfinished:
        body = _Unfinished(timeout)
        self._unfinished[body] = None
        return body

    def _make_room(self) -> None:
        while self.size > self._limits.bodies:
            oldest = next(iter(self._unfinished))
            oldest.crowded_out = True
            if not oldest.timeout.expired():
                oldest.timeout.reschedule(asyncio.get_running_loop().time())
            self._drop(oldest)

    def _drop(self, body: _Unfinished) -> None:
        if body in self._unfinished:
            del self._unfinished[body]
            self.size -= len(body.data)
            body.data = bytearray()


def too_long(limits: ServerLimits) -> str:
    """Say that a body is too long."""
    return f"the request body is longer than {limits.body} bytes"
