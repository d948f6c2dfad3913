"""Relaying requests: the relay's end of a request that goes whole, and comes back as frames.

Knows: links, and what a refusal of the owner says.
Must not know: sessions, how a response is written.
"""

from __future__ import annotations

import json

from byway.backplane import Link, LinkLost, kinds
from byway.errors import PeerError


class RelayedRequest:
    """A request that another process answers for this one."""

    def __init__(self, link: Link) -> None:
        """Be asked over a link that carries nothing else."""
        self._link = link

    def leave(self) -> None:
        """Have a poll that is held answered, as this process goes away."""
        try:
            self._link.write(kinds.LEAVE)
        except LinkLost:
            pass  # it has ended

    def cut(self) -> None:
        """End it at once."""
        self._link.cut()


def refusal(said: bytes) -> PeerError:
    """Return the error with which the owner of a session refuses a request.

    Args:
        said: the payload of REFUSAL.
    """
    told = json.loads(said)
    return PeerError(
        told["reason"],
        status=told["status"],
        gone=told["gone"],
        retry_after=told["retry_after"],
    )
