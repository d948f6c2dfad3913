"""Cookies: what responses set, and every later request and handshake of a session brings back.

Knows: RFC 6265 for one endpoint, over the standard library's jar; the room of a request's head.
Must not know: transports, sessions, which response comes from the right server.

A load balancer knows by a cookie which of its servers a session lives on. It sets one in whatever
response it comes across, that of a WebSocket handshake included.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from http.cookiejar import Cookie, CookieJar
from typing import Any, Final

from byway.http_library import httpx

logger: logging.Logger = logging.getLogger("byway.client")

_LINE: Final = 4
"""Bytes of a cookie in a head beside its name and value: `=` and `; `, and one to spare."""

_USED: Final = frozenset({"domain", "path", "secure", "expires", "max-age"})
"""The attributes of a cookie that decide anything here. The library's jar knows more of them, from
older standards, and refuses cookies for them."""


class Cookies:
    """The cookies of one endpoint: host, path, `Secure` and expiry decide which are sent.

    They live as long as the `connect()` they belong to, in memory only. The longest are forgotten
    where they would make a head too long.
    """

    def __init__(self, url: httpx.URL, room: int) -> None:
        """Begin with none.

        Args:
            url: the endpoint as an ``http(s)`` URL: for cookies wss is https, and ws is http.
            room: bytes that they may take in a head.
        """
        # A user and password are no part of a host.
        self._url = url.copy_with(userinfo=b"", fragment=None)
        self._room = room
        self._jar = CookieJar()
        self._told = False

    def take(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take the `Set-Cookie` headers of a response; the others count for nothing.

        A cookie that is not printable ASCII is ignored (RFC 6265 section 4.1.1 allows no other).
        """
        found = [
            (name, line)
            for name, value in headers
            if name.lower() == "set-cookie"
            and value.isascii()
            and value.isprintable()
            and (line := _parsed(value, self._url.host))
        ]
        if not found:
            return
        request = httpx.Request("GET", self._url)
        httpx.Cookies(self._jar).extract_cookies(
            httpx.Response(200, headers=found, request=request)
        )
        self._make_room()

    def _make_room(self) -> None:
        """Forget the longest where all together are too long; a load balancer's is a short one."""
        longest_first = sorted(self._jar, key=_size, reverse=True)
        over = sum(map(_size, longest_first)) - self._room
        if over > 0 and not self._told:
            self._told = True
            logger.warning(
                "the cookies are %d bytes too long for a request: forgetting the longest", over
            )
        for one in longest_first:
            if over <= 0:
                return
            self._jar.clear(one.domain, one.path, one.name)
            over -= _size(one)

    def merged(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return a caller's headers with the cookies that are due, all in one `Cookie` header.

        Where the caller and a response name the same cookie, the response's value is sent, as a
        browser would that had the caller's cookies first.
        """
        rest: list[tuple[str, str]] = []
        own: list[str] = []
        for name, value in headers:
            if name.lower() == "cookie":
                own += [one for part in value.split(";") if (one := part.strip())]
            else:
                rest.append((name, value))
        set_here = self._due()
        names = {_name(one) for one in set_here}
        every = [*(one for one in own if _name(one) not in names), *set_here]
        return [*rest, ("cookie", "; ".join(every))] if every else rest

    def _due(self) -> list[str]:
        request = httpx.Request("GET", self._url)
        httpx.Cookies(self._jar).set_cookie_header(request)
        return request.headers.get("cookie", "").split("; ") if "cookie" in request.headers else []

    def __repr__(self) -> str:
        """Say how many there are, and nothing that they say."""
        return f"<Cookies: {len(self._jar)}>"


def _parsed(line: str, host: str) -> str:
    """Return a `Set-Cookie` as RFC 6265 section 5.2 reads it, "" for one that sets nothing.

    A `Domain` that is the host itself is left out: it may be a name without a dot, for which the
    library's jar takes no other.
    """
    pair, *attributes = line.split(";")
    if "=" not in pair:
        return ""
    kept = [pair]
    for attribute in attributes:
        name, _, value = (one.strip().lower() for one in attribute.partition("="))
        if (
            name not in _USED
            or (name == "domain" and value.removeprefix(".") in ("", host))
            or (name == "max-age" and not re.fullmatch(r"-?[0-9]{1,18}", value))
        ):
            continue
        kept.append(attribute)
    return ";".join(kept)


def _size(one: Cookie) -> int:
    return len(one.name) + len(one.value or "") + _LINE


def _name(pair: str) -> str:
    return pair.partition("=")[0].rstrip()


class _NoCookies(CookieJar):
    """A jar that stays empty: httpx would fill it, and a session has one for all its transports."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take nothing."""


NO_COOKIES: Final = _NoCookies()
