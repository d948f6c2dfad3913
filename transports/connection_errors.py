"""Connection errors: why a carrier did not open, in one word for all libraries.

Knows: the exceptions of httpx, websockets and the operating system; headers that name the sender.
Must not know: transports, what is made of it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

import websockets

from byway.http_library import httpx
from byway.transports.reach import NameUnanswered, NeverConnected

TELLING: Final = (
    "allow",
    "content-type",
    "location",
    "proxy-authenticate",
    "retry-after",
    "server",
    "upgrade",
    "via",
    "www-authenticate",
    "x-cache",
    "x-squid-error",
)
"""Headers of a response that are kept: they say who sent it and what would be allowed. None of
them repeats what the client sent, except `Location`, of which only the host is kept."""

LONGEST: Final = 200
"""Characters that are kept of a telling header."""


def telling(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the headers of a response that say who sent it."""
    found: list[tuple[str, str]] = []
    for name, value in headers:
        name = name.lower()
        if name not in TELLING:
            continue
        if name == "location":
            value = _host(value)
        elif name.endswith("-authenticate"):
            value = value.split(" ")[0]  # the scheme; some put a challenge behind it
        printable = "".join(one if one.isprintable() else "?" for one in value)
        found.append((name, printable[:LONGEST]))
    return tuple(found)


def schemes_text(headers: Iterable[tuple[str, str]]) -> str:
    """Return which credentials a forward proxy asked for, for the end of a message; "" for none."""
    schemes = [value for name, value in headers if name == "proxy-authenticate"]
    if not schemes:
        return ""
    return f" (the proxy asks for {', '.join(schemes)}; byway supports Basic)"


def _host(location: str) -> str:
    """Return scheme and host of a redirect's target, whose rest may repeat what the client sent."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "(no URL)"
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "(this host)"


def trouble(error: BaseException) -> str:
    """Return the word for an exception of a library.

    Returns:
        `name` (it is not known), `name-timeout` (nobody answered its look-up), `refused` (the
        connection), `certificate`, `tls`, `proxy` (refused or did not answer), `unreachable`,
        `connect-timeout` (nothing took the connection), `timeout` (what took it did not answer),
        `reset` (the connection ended), or `protocol` (no HTTP, or not what was agreed on).
    """
    return next((word for one in _chain(error) if (word := _word(one))), "protocol")


def proxy_status(error: BaseException) -> int | None:
    """Return the status with which a forward proxy refused a tunnel, None where none did."""
    for one in _chain(error):
        if isinstance(one, websockets.InvalidProxyStatus):
            return one.response.status_code
        if isinstance(one, httpx.ProxyError):
            word = str(one).split(" ")[0]  # "407 Proxy Authentication Required"
            return int(word) if word.isdigit() and len(word) == 3 else None
    return None


def proxy_headers(error: BaseException) -> tuple[tuple[str, str], ...]:
    """Return the telling headers with which a forward proxy refused a tunnel."""
    for one in _chain(error):
        if isinstance(one, websockets.InvalidProxyStatus):
            return telling(one.response.headers.raw_items())
    return ()


def _word(error: BaseException) -> str:
    if isinstance(error, httpx.RemoteProtocolError):
        ended = "disconnected" in str(error) or "closed" in str(error)
        return "reset" if ended else "protocol"
    return next((word for kinds, word in _WORDS if isinstance(error, kinds)), "")


_WORDS: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...]] = (
    (NameUnanswered, "name-timeout"),
    (NeverConnected, "connect-timeout"),
    (socket.gaierror, "name"),
    (ssl.SSLCertVerificationError, "certificate"),
    ((ssl.SSLEOFError, ConnectionResetError, BrokenPipeError, EOFError), "reset"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    ((httpx.ProxyError, websockets.ProxyError), "proxy"),
    (httpx.ConnectTimeout, "connect-timeout"),
    ((httpx.TimeoutException, TimeoutError), "timeout"),
    ((httpx.NetworkError, websockets.ConnectionClosed), "reset"),
    (websockets.InvalidMessage, "protocol"),
    (OSError, "unreachable"),
)
"""Which word is for which exception; the first that fits."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception's causes, the deepest first: the system's own words are the plainest."""
    found: list[BaseException] = []
    todo: list[BaseException] = [error]
    while todo and len(found) < 20:
        one = todo.pop(0)
        if one in found:
            continue
        found.append(one)
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
        todo += [next_one for next_one in (one.__cause__, one.__context__) if next_one is not None]
    return reversed(found)
