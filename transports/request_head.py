"""The head of a request: how long the client lets it become.

Knows: what a caller may put into it, and what byway adds.
Must not know: transports, sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from byway.errors import UsageError
from byway.handshake import MAX_OFFER, MAX_SUBPROTOCOLS
from byway.limits import KIB, ClientLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN: Final = 1 * KIB
"""Most bytes of a head that are byway's own and the libraries', the host's name among them."""

_LINE: Final = 4
"""Bytes of a header beside its name and value."""


class Url(Protocol):
    """What is asked of a URL here. `str()` gives the whole of it."""

    @property
    def userinfo(self) -> bytes:
        """User and password, with a colon between them."""
        ...


def given(url: Url, headers: Iterable[tuple[str, str]], subprotocols: Iterable[str]) -> int:
    """Return the bytes that a caller's wishes take in the longest head that they are in.

    Some requests have the whole URL, others its host again; its user and password come in base64.
    """
    size = len(str(url)) + len(url.userinfo) * 2
    size += sum(len(name) + len(value) + _LINE for name, value in headers)
    return size + sum(len(one) + 2 for one in subprotocols)


def room(
    url: Url,
    headers: Iterable[tuple[str, str]],
    subprotocols: Iterable[str],
    limits: ClientLimits,
) -> int:
    """Return the bytes that cookies may take in a head, beside all that is in it already."""
    return limits.request_head - OWN - given(url, headers, subprotocols)


def check_head(
    url: Url,
    headers: Iterable[tuple[str, str]],
    subprotocols: tuple[str, ...],
    limits: ClientLimits,
) -> None:
    """See that what a caller asks for fits into a head that servers and proxies take.

    Raises:
        UsageError: it does not.
    """
    if len(subprotocols) > MAX_SUBPROTOCOLS or sum(map(len, subprotocols)) > MAX_OFFER:
        raise UsageError(
            f"subprotocols may be {MAX_SUBPROTOCOLS} names of {MAX_OFFER} bytes together"
        )
    if (size := given(url, headers, subprotocols) + OWN) > limits.request_head:
        raise UsageError(
            f"URL, headers and subprotocols make a request head of up to {size:,} bytes, over the "
            f"{limits.request_head:,} of ClientLimits.request_head; most servers and proxies take "
            "8,192"
        )
