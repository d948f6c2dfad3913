"""Origin: which web pages may talk to this server through their visitor's browser.

Knows: the headers with which a browser says whose page asks, and CORS.
Must not know: sessions, the application.

A browser sends a visitor's cookies with what a foreign page asks for. So wherever a request
says that a page made it (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata), the page
has to be of the same origin, or allowed by name. Other programs send neither header.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from byway.errors import PeerError, UsageError
from byway.transports.base import Headers

MAX_AGE = 600
"""Seconds for which a browser may keep the answer to a preflight."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class OriginPolicy:
    """Decides on the origins of requests.

    Attributes:
        origins: origins allowed beside the server's own; `*` allows all, without credentials.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        """Check the origins.

        Raises:
            UsageError: one is neither `*`, `null` nor ``scheme://host[:port]``.
        """
        if isinstance(origins, str):
            raise UsageError(f"origins is a list, not the text {origins!r}: write [{origins!r}]")
        self.origins: frozenset[str] = frozenset(origins)
        for origin in self.origins - {"*", "null"}:
            parts = urlsplit(origin)
            if not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
                raise UsageError(f"origin {origin!r} is not of the form scheme://host[:port]")

    def check(self, headers: Headers) -> None:
        """Pass a request, or refuse it.

        Raises:
            PeerError: with status 403, if a foreign page made it.
        """
        values = dict(headers)
        origin = values.get(b"origin", b"").decode("latin-1")
        site = values.get(b"sec-fetch-site", b"").decode("latin-1")
        if site == "same-origin" or not origin and site != "cross-site":
            return
        if not origin or not self._allowed(origin, values):
            raise PeerError(
                f"pages of {origin[:100] or 'other sites'} may not use this endpoint", status=403
            )

    def _allowed(self, origin: str, values: dict[bytes, bytes]) -> bool:
        if origin in self.origins or "*" in self.origins:
            return True
        scheme, _, host = origin.partition("://")
        # A plain nginx puts its own name into Host; a page cannot set either header.
        hosts = [values.get(b"host", b""), values.get(b"x-forwarded-host", b"").split(b",")[0]]
        port = _DEFAULT_PORTS.get(scheme, "")
        return bool(host) and any(
            host.removesuffix(port).lower()
            == one.decode("latin-1").strip().lower().removesuffix(port)
            for one in hosts
        )

    def cors_headers(self, headers: Headers) -> Headers:
        """Return what lets a page of another, allowed origin read the answer."""
        values = dict(headers)
        origin = values.get(b"origin")
        if origin is None or values.get(b"sec-fetch-site") == b"same-origin":
            return []
        named = origin.decode("latin-1") in self.origins
        answer = [
            (b"access-control-allow-origin", origin if named else b"*"),
            (b"access-control-expose-headers", b"byway, retry-after"),
            (b"vary", b"origin"),
        ]
        if named:
            answer.append((b"access-control-allow-credentials", b"true"))
        return answer if named or "*" in self.origins else []

    def preflight_headers(self, headers: Headers) -> Headers:
        """Return what the answer to a preflight says beside `cors_headers`."""
        wanted = dict(headers).get(b"access-control-request-headers", b"")
        return [
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", str(MAX_AGE).encode()),
        ]


def is_preflight(method: str, headers: Headers) -> bool:
    """Say whether a request is the preflight of one of byway's own (WHATWG Fetch)."""
    wanted = dict(headers).get(b"access-control-request-headers", b"").lower()
    return method == "OPTIONS" and b"byway" in [one.strip() for one in wanted.split(b",")]
