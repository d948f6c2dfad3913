"""Addresses: the endpoint, the proxy and the certificates."""

from __future__ import annotations

import ssl
from typing import cast

import pytest

import byway
from byway.client import address as address_module
from byway.client.address import endpoint_url, ordinary, proxy_for, shown, shown_proxy, tls_context
from byway.errors import UsageError
from byway.http_library import httpx

HTTP = endpoint_url("http://app.example/chat")
HTTPS = endpoint_url("https://app.example:8443/chat")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any proxy in the environment."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("ws://app.example/chat?a=1", "http://app.example/chat?a=1"),
        ("wss://app.example", "https://app.example"),
        ("http://app.example:8000/", "http://app.example:8000/"),
        ("HTTPS://app.example/a%20b", "https://app.example/a%20b"),
        ("ws://[::1]:8000/", "http://[::1]:8000/"),
    ],
)
def test_ws_and_http_mean_the_same_endpoint(url: str, endpoint: str) -> None:
    assert str(endpoint_url(url)) == endpoint


@pytest.mark.parametrize(
    "url",
    ["", "app.example", "/chat", "ftp://app.example", "http://", "ws://a:b:c/", "http://a/#b"],
)
def test_what_is_no_endpoint_is_named(url: str) -> None:
    with pytest.raises(UsageError, match="URL|begin|fragment"):
        endpoint_url(url)


@pytest.mark.parametrize("proxy", [None, False])
def test_no_proxy_is_used_where_none_is_wanted(
    proxy: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_for(HTTPS, proxy) is None


@pytest.mark.parametrize(
    ("variables", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": "http://a:1"}, "http://a:1", None),
        ({"HTTPS_PROXY": "http://b:2"}, None, "http://b:2"),
        ({"ALL_PROXY": "http://c:3"}, "http://c:3", "http://c:3"),
        ({"ALL_PROXY": "http://c:3", "HTTPS_PROXY": "http://b:2"}, "http://c:3", "http://b:2"),
        ({"ALL_PROXY": "c:3"}, "http://c:3", "http://c:3"),
        ({"ALL_PROXY": "http://c:3", "NO_PROXY": "app.example"}, None, None),
        ({"ALL_PROXY": "http://c:3", "NO_PROXY": "app.example:8443"}, "http://c:3", None),
        ({"ALL_PROXY": "http://c:3", "NO_PROXY": "*"}, None, None),
    ],
)
def test_the_environment_s_proxy_is_found_by_scheme_and_exceptions(
    variables: dict[str, str],
    http: str | None,
    https: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name.lower(), value)
    assert (proxy_for(HTTP, True), proxy_for(HTTPS, True)) == (http, https)


def test_a_proxy_of_one_s_own_comes_before_the_environment_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", "http://other.example")
    assert proxy_for(HTTP, "http://u:p@mine.example:1") == "http://u:p@mine.example:1"


@pytest.mark.parametrize("proxy", ["mine.example", "ftp://mine.example", "http://", "http://a:b:c"])
def test_what_is_no_proxy_is_named(proxy: str) -> None:
    with pytest.raises(UsageError, match="proxy"):
        proxy_for(HTTP, proxy)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:secret@mine.example/path",
        "http://me:secret@mine.example?query",
        "ftp://me:secret@mine.example",
        "http://me:secret/@mine.example",
    ],
)
def test_a_proxy_that_is_refused_keeps_its_password(proxy: str) -> None:
    with pytest.raises(UsageError, match="proxy") as caught:
        proxy_for(HTTP, proxy)
    assert "secret" not in str(caught.value)


def test_a_url_that_is_refused_keeps_what_is_secret_in_it() -> None:
    with pytest.raises(UsageError, match="must begin") as caught:
        endpoint_url("ftp://me:secret@app.example/chat?token=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://me:secret/@app.example", "http://me:secret@a:b:c/"])
def test_what_is_no_url_keeps_what_is_secret_in_it(url: str) -> None:
    with pytest.raises(UsageError, match="invalid URL") as caught:
        endpoint_url(url)
    assert "secret" not in str(caught.value)


NEVER = [
    "a..b:1",
    ".a",
    "a" * 64,
    ".".join(["a" * 50] * 6),
    "127.0.0.1:99999",
    "127.0.0.1:0",
    # httpx2 takes them for names like others, which no look-up finds.
    *(("xn--a", "xn--") if httpx.__name__ == "httpx" else ()),
]


@pytest.mark.parametrize("host", NEVER)
def test_a_host_or_port_that_cannot_be_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(UsageError, match="has an invalid"):
        byway.connect(f"http://{host}/", proxy=None)
    with pytest.raises(UsageError, match="has an invalid") as caught:
        endpoint_url(f"ws://me:secret@{host}/?secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", NEVER)
def test_a_proxy_that_cannot_be_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(UsageError, match=r"proxy .* has an invalid") as caught:
        proxy_for(HTTP, f"http://me:secret@{host}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["a.b.", "xn--4ca.de", "ä.de", "a_b", "[fe80::1%25eth0]:65535"])
def test_an_unusual_host_is_taken(host: str) -> None:
    assert str(endpoint_url(f"http://{host}/")) == str(httpx.URL(f"http://{host}/"))
    assert proxy_for(HTTP, f"http://{host}") == f"http://{host}"


def test_what_is_no_text_is_no_address() -> None:
    with pytest.raises(UsageError, match="invalid URL"):
        endpoint_url(cast(str, 5))
    with pytest.raises(UsageError, match="proxy"):
        proxy_for(HTTP, cast(str, 5))


def test_a_url_is_shown_without_credentials_and_query() -> None:
    assert shown("ws://me:pass@[::1]:8000/chat?token=1") == "ws://[::1]:8000/chat?…"
    assert shown("http://app.example/") == "http://app.example/"
    assert shown_proxy("http://me:pass@gate.example:3128") == "http://gate.example:3128"
    assert shown_proxy(None) == ""


def test_certificates_are_checked_unless_the_caller_says_otherwise() -> None:
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert tls_context(HTTPS, own) is own
    found = tls_context(HTTPS, None)
    assert found is not None
    assert found.verify_mode is ssl.CERT_REQUIRED
    assert found.check_hostname


def test_plain_text_has_no_certificates() -> None:
    assert tls_context(HTTP, None) is None
    with pytest.raises(UsageError, match="not https"):
        tls_context(HTTP, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_settings_of_another_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="this is bool"):
        tls_context(HTTPS, cast(ssl.SSLContext, True))


def test_a_socks_proxy_needs_what_the_extra_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    url = endpoint_url("http://app.example/")
    monkeypatch.setattr(address_module, "find_spec", lambda name: object())
    assert proxy_for(url, "socks5://c:3") == "socks5://c:3"
    monkeypatch.setattr(address_module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"byway\[socks\]"):
        proxy_for(url, "socks5://c:3")


ORDINARY = [
    "http://a",
    "https://app.example/",
    "ws://app.example:8000/chat/room_1?a=1&b=~x",
    "wss://a-b.c_d.example/x//y.z",
    "http://127.0.0.1:9/",
    "http://255.0.10.200",
    "http://1a.example",
    "http://3.de/",
    "http://" + ".".join(["a" * 63] * 3) + "/",
]

UNUSUAL = [
    "HTTP://a/",
    "http://A/",
    "http://a:80/",
    "http://a:443/",
    "http://a:65536/",
    "http://a:08/",
    "http://a.b./",
    "http://a/./b",
    "http://a/../b",
    "http://a/.b",
    "http://a/%41",
    "http://a?",
    "http://a#b",
    "http://a/\u00e4",
    "http://xn--4ca.de/",
    "http://a.xn--p1ai/",
    "http://u:p@a/",
    "http://256.0.0.1/",
    "http://01.0.0.1/",
    "http://1.2.3/",
    "http://1/",
    "http://[::1]/",
    "http://-a.de/",
    "http://a-.de/",
    "http://" + "a" * 64,
    "http://" + ".".join(["a" * 50] * 6),
    "http://a/\n",
    "http://a\n",
    "ftp://a/",
    "",
]


@pytest.mark.parametrize("url", ORDINARY)
def test_an_ordinary_url_is_read_as_the_library_reads_it(url: str) -> None:
    found, theirs = ordinary(url), httpx.URL(url)
    assert found is not None
    assert str(found) == str(theirs)
    assert (found.scheme, found.host, found.port) == (theirs.scheme, theirs.host, theirs.port)
    assert (found.netloc, found.userinfo) == (theirs.netloc.decode(), theirs.userinfo)
    assert theirs.raw_host.decode() == found.host
    # As it would be read otherwise.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address_module, "ordinary", lambda url: None)
        slow, gate = endpoint_url(url), url.replace("ws", "http", 1).split("/", 3)
        slow_proxy = proxy_for(HTTP, "/".join(gate[:3]))
    assert endpoint_url(url) == slow
    assert proxy_for(HTTP, "/".join(gate[:3])) == slow_proxy


@pytest.mark.parametrize("url", UNUSUAL)
def test_the_library_reads_what_could_be_read_in_two_ways(url: str) -> None:
    assert ordinary(url) is None
