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
from byway.transports.base import Headers, Scope

MAX_AGE = 600
"""Seconds for which a browser may keep the answer to a preflight."""

_CREDENTIALS = (b"cookie", b"authorization")
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

    def pass_on(self, scope: Scope) -> Scope:
        """Return the scope that may go on, or refuse a call.

        The one of a page that only `*` allows goes on without the visitor's credentials: CORS keeps
        them back from requests, but nothing does from a WebSocket handshake.

        Raises:
            PeerError: with status 403, if a foreign page made the call.
        """
        values = dict(scope["headers"])
        origin = values.get(b"origin", b"").decode("latin-1")
        site = values.get(b"sec-fetch-site", b"").decode("latin-1")
        if site == "same-origin" or (not origin and site != "cross-site"):
            return scope
        if origin and (origin in self.origins or self._own(origin, values)):
            return scope
        if "*" in self.origins:
            kept = [pair for pair in scope["headers"] if pair[0] not in _CREDENTIALS]
            return {**scope, "headers": kept}
        raise PeerError(
            f"pages of {origin[:100] or 'other sites'} may not use this endpoint", status=403
        )

    @staticmethod
    def _own(origin: str, values: dict[bytes, bytes]) -> bool:
        """Say whether an origin names the host that was asked.

        The scheme is not compared: behind a proxy that ends TLS the server does not know it. A
        plain nginx puts its own name into `Host`. A page can set `Host` never, and
        `X-Forwarded-Host` only where a preflight was answered with leave, as byway's is not.
        """
        scheme, _, host = origin.lower().partition("://")
        port = _DEFAULT_PORTS.get(scheme, "")
        hosts = [values.get(b"host", b""), values.get(b"x-forwarded-host", b"").split(b",")[0]]
        return bool(host) and any(
            host.removesuffix(port) == one.decode("latin-1").strip().lower().removesuffix(port)
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
