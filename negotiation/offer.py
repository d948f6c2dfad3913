"""Offer: the server's side of the choice.

Knows: which transports an endpoint allows, and the signs of a handshake that was stripped.
Must not know: sessions, how a response is sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from byway.errors import FrameError
from byway.negotiation.preference import Preference
from byway.transports import REGISTRY, Transport


class Offer:
    """The transports that an endpoint allows.

    Attributes:
        names: their names, best first.
    """

    def __init__(self, transports: str | Iterable[str] | None = None) -> None:
        """Check the names.

        Raises:
            UsageError: a name is unknown or given twice, or there is none.
        """
        self.names: tuple[str, ...] = Preference.of(transports).order

    def transport(self, answer: str) -> Transport:
        """Return the transport that a HELLO asks for.

        Raises:
            FrameError: it is unknown, or not offered; with status 406, and what is offered.
        """
        if answer not in self.names:
            raise FrameError(
                f"transport {answer!r} is not offered; these are: {', '.join(self.names)}",
                status=406,
            )
        return REGISTRY[answer]


def offered_subprotocols(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the subprotocols that a handshake offers, from its headers."""
    return [
        one.strip()
        for name, value in headers
        if name == b"sec-websocket-protocol"
        for one in value.decode("latin-1").split(",")
    ]
