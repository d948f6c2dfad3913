"""Origin: which web pages may talk to this server through their visitor's browser.

Knows: the origins that are allowed, and what the server's own pages are (`page.py`).
Must not know: sessions, the application.

A browser sends a visitor's cookies with what a foreign page asks for. So wherever a request
says that a page made it (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata), the page
has to be of the same origin, or allowed by name. Other programs send neither header. The whole
rule stands in `docs/protocol.md`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from byway.errors import PeerError, UsageError
from byway.server.call import Call
from byway.server.cors import VARY, grant, is_preflight
from byway.server.page import PageCall, Reason, Standing, standing
from byway.transports.base import Scope

OriginCheck = Callable[[str, Any], bool | Awaitable[bool]]
"""Says whether pages of an origin may connect: called with it and the ASGI scope of the request."""

Origins = Iterable[str] | OriginCheck
"""Origins by name, or a callable that decides alone."""

_CREDENTIALS: Final = (b"cookie", b"authorization")
_LONGEST: Final = 100  # characters of an origin in a response or in the log
_NGINX: Final = (
    "; if it is a page of this server, behind nginx, set: proxy_set_header Host $http_host;"
)


_USE: Final = "use this endpoint"
_OPEN_BY_WEBSOCKET: Final = "open a session with a WebSocket here, only over HTTP"


class ForeignPage(PeerError):
    """A page made the call that may not.

    Attributes:
        page: its origin, as it may be shown.
    """

    def __init__(
        self, origin: str, why: Reason | str, *, what: str = _USE, nginx: bool = False
    ) -> None:
        """Say whose page it is, and the cure.

        Args:
            origin: the page's origin, as it came.
            why: why it counts as foreign, or which rule refused it.
            what: what the page may not do.
            nginx: whether a proxy that changes `Host` may be the cause.
        """
        self.page: str = origin[:_LONGEST].encode("unicode_escape").decode()
        pages, cure = f"pages of {self.page}", f'to allow it, set origins=["{self.page}"]'
        if not self.page:
            pages, cure = "pages of other sites", 'to allow all, without cookies, set origins=["*"]'
        elif self.page == "null":
            cure += ", which allows every site, as any site can show a sandboxed frame"
        elif why is Reason.INSECURE:
            cure = f"open the page over https, or {cure}"
        why = why.value if isinstance(why, Reason) else why
        told = f"{pages} may not {what} ({why}): {cure}{_NGINX if nginx else ''}"
        super().__init__(told, status=403)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided on one call.

    Attributes:
        scope: what goes on; None if a page made the call that may not.
        page: the page's origin; "" where none is said.
        headers: what the response says to the browser.
        refusal: what is said where the call may not go on, or may only move a session and does not.
        moves: the call may carry a session that the same origin has opened, and open none.
    """

    scope: Scope | None
    page: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    refusal: ForeignPage | None = None
    moves: bool = False

    def pass_on(self) -> Scope:
        """Return the scope that may go on.

        Raises:
            ForeignPage: with status 403, if a page made the call that may not.
        """
        if self.scope is None:
            assert self.refusal is not None
            raise self.refusal
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

    async def judge(self, call: Call) -> Verdict:
        """Decide on a call: lines (a) to (i) of the rule, of which the first that applies decides.

        The scope of a page that only `*` allows goes on without the visitor's credentials: CORS
        keeps them back from requests, but nothing does from a WebSocket handshake.
        """
        scope = call.scope
        seen = PageCall.of(scope, call.values)
        page, everybody = seen.origin, "*" in self.origins
        if not page:
            # Of pages only a plain GET comes so.
            if seen.site == "cross-site" and not everybody:
                return Verdict(None, refusal=ForeignPage("", Reason.SITE))
            return Verdict(scope)
        if self.check is not None:  # (a)
            return await self._checked(scope, page)
        if page in self.origins:  # (b)
            return Verdict(scope, page, grant(page.encode("latin-1"), credentials=True))
        said = standing(seen, everybody=everybody)  # (c) to (g)
        preflight = is_preflight(scope.get("method", ""), call.values)
        if said is Standing.OWN and not preflight:
            return Verdict(scope, page, VARY)
        if said is Standing.MOVES:
            refusal = ForeignPage(page, Reason.HOST, what=_OPEN_BY_WEBSOCKET, nginx=True)
            return Verdict(scope, page, VARY, refusal, moves=True)
        if everybody and not seen.plain:  # (h)
            kept = [pair for pair in scope["headers"] if pair[0] not in _CREDENTIALS]
            return Verdict({**scope, "headers": kept}, page, grant(b"*", credentials=False))
        why = said if isinstance(said, Reason) else _NO_GRANT
        refusal = ForeignPage(page, why, nginx=said is Reason.HOST)
        return Verdict(None, page, VARY, refusal)  # (i)

    async def _checked(self, scope: Scope, page: str) -> Verdict:
        """Ask the callable, which decides alone."""
        assert self.check is not None
        allowed = self.check(page, scope)
        if inspect.isawaitable(allowed):
            allowed = await allowed
        # The truth of anything else, as of a coroutine that nobody awaited, proves nothing.
        if allowed is True:
            return Verdict(scope, page, grant(page.encode("latin-1"), credentials=True))
        return Verdict(None, page, VARY, ForeignPage(page, "the origins= callable refuses it"))

    def promotes(self, call: Call) -> bool:
        """Say whether a page that opens a session by this call could not by a WebSocket handshake.

        That one would have been refused, and is taken once the page names its session.
        """
        if self.check is not None or b"origin" not in call.values:
            return False
        seen = PageCall.of(call.scope, call.values)
        allowed = not self.origins.isdisjoint((seen.origin, "*"))
        return bool(seen.origin) and not allowed and not seen.names_the_host


_NO_GRANT: Final = "the server's own pages need no permission"
