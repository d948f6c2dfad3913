"""Origin: which web pages may talk to this server through their visitor's browser.

Knows: the headers with which a browser says whose page asks, and CORS.
Must not know: sessions, the application.

A browser sends a visitor's cookies with what a foreign page asks for. So wherever a request
says that a page made it (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata), the page
has to be of the same origin, or allowed by name. Other programs send neither header.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from byway.errors import PeerError, UsageError
from byway.transports.base import Headers, Scope

OriginCheck = Callable[[str, Any], bool | Awaitable[bool]]
"""Says whether pages of an origin may connect: called with it and the ASGI scope of the request."""

Origins = Iterable[str] | OriginCheck
"""Origins by name, or a callable that decides alone."""

MAX_AGE = 600
"""Seconds for which a browser may keep the answer to a preflight."""

_CREDENTIALS = (b"cookie", b"authorization")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


# What decides on the origin must be the browser's own word; the rest of the list makes requests of
# another kind of them. Leave to send these is given to nobody.
_NEVER_ALLOWED: Final = frozenset(
    (b"forwarded", b"x-forwarded-host", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip")
)
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided on one call.

    Attributes:
        scope: what goes on; None if a page made the call that may not.
        page: the page's origin, for the log and the answer.
        headers: what the answer says to the browser.
    """

    scope: Scope | None
    page: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def pass_on(self) -> Scope:
        """Return the scope that may go on.

        Raises:
            PeerError: with status 403, if a foreign page made the call.
        """
        if self.scope is None:
            page = self.page[:100].encode("unicode_escape").decode() or "other sites"
            raise PeerError(f"pages of {page} may not use this endpoint", status=403)
        return self.scope


class OriginPolicy:
    """Decides on the origins of requests.

    Attributes:
        origins: origins allowed beside the server's own; `*` allows all, without credentials.
        check: decides alone in their place, on the server's own too.
    """

    def __init__(self, origins: Origins = ()) -> None:
        """Check the origins.

        Raises:
            UsageError: one is neither `*`, `null` nor ``scheme://host[:port]``.
        """
        if isinstance(origins, str):
            raise UsageError(f"origins is a list, not the text {origins!r}: write [{origins!r}]")
        self.check: OriginCheck | None = origins if callable(origins) else None
        self.origins: frozenset[str] = frozenset(() if callable(origins) else origins)
        for origin in self.origins - {"*", "null"}:
            parts = urlsplit(origin)
            if not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
                raise UsageError(f"origin {origin!r} is not of the form scheme://host[:port]")

    async def judge(self, scope: Scope) -> Verdict:
        """Decide on a call.

        The scope of a page that only `*` allows goes on without the visitor's credentials: CORS
        keeps them back from requests, but nothing does from a WebSocket handshake.
        """
        values = dict(scope["headers"])
        sent = values.get(b"origin", b"")
        origin = sent.decode("latin-1")
        site = values.get(b"sec-fetch-site", b"")
        if not origin:
            # Of pages only a plain GET comes so.
            foreign = site == b"cross-site" and "*" not in self.origins
            return Verdict(None if foreign else scope)
        if self.check is not None:
            allowed = self.check(origin, scope)
            if inspect.isawaitable(allowed):
                allowed = await allowed
            # The truth of anything else, as of a coroutine that nobody awaited, proves nothing.
            named = allowed is True
        else:
            if site == b"same-origin":
                return Verdict(scope, origin)
            named = origin in self.origins
        if named or (self.check is None and self._own(origin, values)):
            return Verdict(scope, origin, _cors(sent, credentials=True) if named else _VARY)
        if "*" in self.origins:
            kept = [pair for pair in scope["headers"] if pair[0] not in _CREDENTIALS]
            return Verdict({**scope, "headers": kept}, origin, _cors(b"*", credentials=False))
        return Verdict(None, origin, _VARY)

    @staticmethod
    def _own(origin: str, values: dict[bytes, bytes]) -> bool:
        """Say whether an origin names the host that was asked.

        The scheme is not compared: behind a proxy that ends TLS the server does not know it. A
        plain nginx puts its own name into `Host`. A page can set `Host` never, and
        `X-Forwarded-Host` only where a preflight gave leave, see `preflight_headers`.
        """
        scheme, _, host = origin.lower().partition("://")
        port = _DEFAULT_PORTS.get(scheme, "")
        hosts = [values.get(b"host", b""), values.get(b"x-forwarded-host", b"").split(b",")[0]]
        return bool(host) and any(
            host.removesuffix(port) == one.decode("latin-1").strip().lower().removesuffix(port)
            for one in hosts
        )


_VARY: Final = ((b"vary", b"origin"),)


def _cors(origin: bytes, *, credentials: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return what lets a page of another, allowed origin read the answer."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"byway, retry-after"),
        *_VARY,
        *(((b"access-control-allow-credentials", b"true"),) if credentials else ()),
    )


def preflight_headers(headers: Headers) -> Headers:
    """Return what the answer to an allowed preflight says beside that."""
    wanted = dict(headers).get(b"access-control-request-headers", b"")
    names = [one.strip() for one in wanted.split(b",")]
    allowed = [one for one in names if _NAME.fullmatch(one) and one.lower() not in _NEVER_ALLOWED]
    return [
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b", ".join(allowed)),
        (b"access-control-max-age", str(MAX_AGE).encode()),
    ]


def is_preflight(method: str, headers: Headers) -> bool:
    """Say whether a request is the preflight of one of byway's own (WHATWG Fetch)."""
    wanted = dict(headers).get(b"access-control-request-headers", b"").lower()
    return method == "OPTIONS" and b"byway" in [one.strip() for one in wanted.split(b",")]
