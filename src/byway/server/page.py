"""Pages: whether the page that makes a call is one of this server's own.

Knows: what browsers and proxies say of a page and of the host that it asked.
Must not know: which other origins are allowed, sessions, how a call is answered.

Lines (c) to (g) of the section Origin in `docs/protocol.md` are a function each below. The first
line that applies decides. What no line decides is foreign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from byway.handshake import SUBPROTOCOL
from byway.negotiation.offer import offered_subprotocols
from byway.transports.base import Scope

Values = Mapping[bytes, bytes]
"""Headers by name, see `Call.values`."""

_WEB: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(:[0-9]{1,5})?")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_SECURE: Final = ("https", "wss")


class Standing(Enum):
    """What a page is to this server."""

    OWN = "own"
    MOVES = "moves"  # its WebSocket may carry a session that the same origin opened, and open none
    FOREIGN = "foreign"


class Reason(Enum):
    """Why a page does not count as the server's own."""

    SITE = "its browser says that it belongs to another site"
    NO_ORIGIN = "it has no web origin"
    INSECURE = "it was loaded over http and makes requests over https"
    HOST = "the request's Host header is different"


@dataclass(frozen=True, slots=True)
class PageCall:
    """What a call says of the page that made it.

    Attributes:
        origin: the header `Origin` (RFC 6454 section 7); "" where no page says whose it is.
        site: the header `Sec-Fetch-Site` (W3C Fetch Metadata), which may be empty; None where there
            is none.
        hosts: what `Host` and the first `X-Forwarded-Host` say.
        secure: whether the page asked over https or wss, as far as it is known.
        marked: whether it is a POST with the header `Byway`, which no page sends to another origin
            without a preflight.
        handshake: whether it is a WebSocket handshake that speaks byway, or what is left of one.
        plain: whether it is a WebSocket handshake that does not.
    """

    origin: str = ""
    site: str | None = None
    hosts: tuple[str, ...] = ()
    secure: bool = False
    marked: bool = False
    handshake: bool = False
    plain: bool = False

    @classmethod
    def of(cls, scope: Scope, values: Values) -> PageCall:
        """Read it from an ASGI scope, whose headers are given by name."""
        socket = scope.get("type") == "websocket"
        offers = scope.get("subprotocols", ()) if socket else ()
        # What a proxy says of the scheme can only make the rule stricter: a page may have said it.
        schemes = (scope.get("scheme", ""), first_of(values, b"x-forwarded-proto").lower())
        method = scope.get("method", "")
        stripped = method == "GET" and b"sec-websocket-key" in values
        return cls(
            origin=value_of(values, b"origin"),
            site=value_of(values, b"sec-fetch-site") if b"sec-fetch-site" in values else None,
            hosts=(value_of(values, b"host"), first_of(values, b"x-forwarded-host")),
            secure=schemes[0] in _SECURE or schemes[1] in _SECURE,
            marked=method == "POST" and b"byway" in values,
            handshake=SUBPROTOCOL
            in (offered_subprotocols(scope["headers"]) if stripped else offers),
            plain=socket and SUBPROTOCOL not in offers,
        )

    @property
    def names_the_host(self) -> bool:
        """Whether the origin's host and port are those that were asked.

        A default port is that of the origin's scheme. The port counts: every page on localhost
        would be the server's own.
        """
        scheme, _, host = self.origin.lower().partition("://")
        port = _DEFAULT_PORTS.get(scheme, "")
        return bool(host) and any(
            host.removesuffix(port) == one.lower().removesuffix(port) for one in self.hosts
        )


Line = Callable[[PageCall], Standing | Reason | None]
"""A line of the rule: what a page is, why it is foreign, or None where the line does not apply."""


def by_fetch_metadata(call: PageCall) -> Standing | Reason | None:
    """(c) Where the browser says whose page it is, nothing else counts, not even `Host`."""
    if call.site is None:
        return None
    return Standing.OWN if call.site == "same-origin" else Reason.SITE


def by_kind_of_origin(call: PageCall) -> Standing | Reason | None:
    """(d) Sandboxed frames, files and extensions are nobody's own."""
    return None if _WEB.fullmatch(call.origin.lower()) else Reason.NO_ORIGIN


def by_host(call: PageCall) -> Standing | Reason | None:
    """(e) The same host and port; but whoever can change an http: page could speak for https."""
    if call.secure and call.origin.lower().startswith("http:"):
        return Reason.INSECURE
    return Standing.OWN if call.names_the_host else None


def by_preflight(call: PageCall) -> Standing | Reason | None:
    """(f) Only a page of the same origin sends the header `Byway` without a preflight.

    Browsers say no `Sec-Fetch-Site` to plain http hosts, and a proxy may have changed `Host`.
    """
    return Standing.OWN if call.marked and call.origin.lower().startswith("http:") else None


def by_session(call: PageCall) -> Standing | Reason | None:
    """(g) A handshake has no preflight: it may move a session of its origin, and open none."""
    return Standing.MOVES if call.handshake else None


EVERY_CALL: Final[tuple[Line, ...]] = (by_fetch_metadata, by_kind_of_origin, by_host)
"""The lines for a call of any kind."""

OF_THE_PROTOCOL: Final[tuple[Line, ...]] = (by_preflight, by_session)
"""The lines beyond them, which hold only where byway grants no preflight to everybody."""


def standing(call: PageCall, *, everybody: bool = False) -> Standing | Reason:
    """Say what the page of a call is to this server, or why it is foreign.

    Args:
        call: a call with an origin.
        everybody: byway itself grants preflights to pages of every origin (`*`), so a preflight
            shows nothing.
    """
    lines = EVERY_CALL if everybody else EVERY_CALL + OF_THE_PROTOCOL
    return next((said for line in lines if (said := line(call)) is not None), Reason.HOST)


def value_of(values: Values, name: bytes) -> str:
    """Return a header; "" where there is none."""
    return values.get(name, b"").decode("latin-1").strip(" \t")


def first_of(values: Values, name: bytes) -> str:
    """Return the first element of a header that is a list: what the proxy nearest the page said."""
    return value_of(values, name).partition(",")[0].strip(" \t")
