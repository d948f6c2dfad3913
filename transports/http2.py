"""HTTP/2 in the client, where it is asked for (BYWAY_HTTP2=1).

Knows: what has to be installed, and how one TLS context serves two protocols.
Must not know: requests, sessions.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Final

WANTED: Final = find_spec("h2") is not None and os.environ.get("BYWAY_HTTP2") == "1"
"""Whether requests share a connection of HTTP/2, and a WebSocket may be a stream of one. Not by
default: with httpcore 1.0 what goes up in requests may stand still, up to a heartbeat, once a
window of 64 KiB is used up (seen behind nginx)."""


_WRAPPING = threading.Lock()
"""Held while a context offers what one connection asked for; httpx begins some in threads."""


class OwnProtocols(ssl.SSLContext):
    """Another context as it is, but for the protocols that it offers (ALPN, RFC 7301).

    httpx writes what it offers into the context that it is given. A WebSocket of HTTP/1.1 has the
    same one, and would be answered in HTTP/2, which it cannot read.
    """

    _real: ssl.SSLContext
    _offer: list[str]

    def __new__(cls, real: ssl.SSLContext, *offer: str) -> OwnProtocols:
        """Stand for a context; offer HTTP/1.1, or what is named."""
        one = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        one._real, one._offer = real, list(offer) or ["http/1.1"]
        return one

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Remember what to offer."""
        self._offer = list(alpn_protocols)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Begin a connection with the other context."""
        with _WRAPPING:
            self._real.set_alpn_protocols(self._offer)
            return self._real.wrap_bio(*args, **options)
