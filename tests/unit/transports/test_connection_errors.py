"""Trouble: one word for what the libraries and the system raise, and the headers that tell."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import websockets
from websockets.datastructures import Headers
from websockets.http11 import Response

from byway.http_library import httpx
from byway.transports.connection_errors import proxy_headers, proxy_status, telling, trouble
from byway.transports.reach import NameUnanswered, NeverConnected


def caused(error: BaseException, *causes: BaseException) -> BaseException:
    """Return an error with its causes below it."""
    top = error
    for cause in causes:
        error.__cause__ = cause
        error = cause
    return top


def rejected(status: int) -> websockets.InvalidProxyStatus:
    """Return how websockets says that a proxy refuses a tunnel."""
    headers = Headers({"Proxy-Authenticate": 'Basic realm="secret"', "X-Other": "1"})
    return websockets.InvalidProxyStatus(Response(status, "", headers))


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (caused(httpx.ConnectError("x"), socket.gaierror(-2, "unknown")), "name"),
        (caused(httpx.ConnectError("all"), OSError("all"), ConnectionRefusedError()), "refused"),
        (OSError("all", ExceptionGroup("many", [ConnectionRefusedError()])), "unreachable"),
        (
            caused(OSError("all"), ExceptionGroup("many", [ConnectionRefusedError()])),
            "refused",
        ),
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError()), "certificate"),
        (ssl.SSLError(), "tls"),
        (ssl.SSLEOFError(), "reset"),
        (httpx.ProxyError("403 Forbidden"), "proxy"),
        (rejected(407), "proxy"),
        (httpx.ConnectTimeout("x"), "connect-timeout"),
        (NeverConnected("x"), "connect-timeout"),
        (caused(httpx.ConnectTimeout("x"), NeverConnected("x")), "connect-timeout"),
        (NameUnanswered("x"), "name-timeout"),
        (caused(httpx.ConnectTimeout("x"), NameUnanswered("x")), "name-timeout"),
        (httpx.ReadTimeout("the TLS handshake got no response"), "timeout"),
        (httpx.ReadTimeout("x"), "timeout"),
        (TimeoutError(), "timeout"),
        (httpx.ReadError("x"), "reset"),
        (ConnectionResetError(), "reset"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "reset"),
        (httpx.RemoteProtocolError("illegal status line"), "protocol"),
        (caused(websockets.InvalidMessage("x"), EOFError()), "reset"),
        (caused(websockets.InvalidMessage("x"), ValueError()), "protocol"),
        (OSError(101, "Network is unreachable"), "unreachable"),
        (asyncio.InvalidStateError(), "protocol"),
    ],
)
def test_each_has_its_word(error: BaseException, word: str) -> None:
    assert trouble(error) == word


def test_a_proxy_s_status_is_found_wherever_it_stands() -> None:
    assert proxy_status(httpx.ProxyError("407 Proxy Authentication Required")) == 407
    assert proxy_status(httpx.ProxyError("Malformed reply")) is None
    assert proxy_status(caused(OSError("x"), rejected(403))) == 403
    assert proxy_status(OSError("x")) is None
    assert proxy_headers(rejected(407)) == (("proxy-authenticate", "Basic"),)


def test_errors_that_name_each_other_end_the_search() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert trouble(first) == "unreachable"


def test_only_telling_headers_are_kept_and_nothing_secret_of_them() -> None:
    kept = telling(
        [
            ("Server", "nginx"),
            ("Set-Cookie", "id=secret"),
            ("Location", "https://login.example:444/?next=secret"),
            ("WWW-Authenticate", 'Digest nonce="secret"'),
            ("Via", "1.1 gate\x1b[2J" + "x" * 500),
        ]
    )
    assert kept[:3] == (
        ("server", "nginx"),
        ("location", "https://login.example"),
        ("www-authenticate", "Digest"),
    )
    assert kept[3][0] == "via"
    assert len(kept[3][1]) == 200
    assert kept[3][1].isprintable()
    assert telling([("location", "/login?secret")]) == (("location", "(this host)"),)


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("https://login.example/path?secret", "https://login.example"),
        ("/login?secret", "(this host)"),
        ("http://[login/", "(no URL)"),
    ],
)
def test_of_a_redirect_only_the_host_is_kept_whatever_it_says(location: str, kept: str) -> None:
    assert telling([("Location", location)]) == (("location", kept),)
