"""Addresses: the endpoint's URL, the proxy and the certificates, settled once for all transports.

Knows: URLs, the environment's proxy settings, TLS contexts, which servers are in this process.
Must not know: transports, sessions.

A URL is read by the HTTP library, as the transports read it. To import that takes a while, and
`connect()` is called where an event loop runs. So a URL in which nothing can be read in two ways
is read here, without the library; `test_an_ordinary_url_is_read_as_the_library_reads_it` compares.
"""

from __future__ import annotations

import re
import ssl as ssl_module
import urllib.request
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

from byway.errors import UsageError
from byway.http_library import INSTALL, httpx
from byway.transports.inside import is_inside

_SOCKS = "python_socks"
_LONGEST_HOST = 253  # characters of a name, RFC 1035 section 2.3.4
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}


_BYTE = r"(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
_LABEL = r"(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"

_ORDINARY: Final = re.compile(
    r"(?P<scheme>https?|wss?)://"
    # An address, or a name in lower case whose last label cannot be taken for a number.
    rf"(?P<host>{_BYTE}(?:\.{_BYTE}){{3}}|(?:{_LABEL}\.){{0,3}}(?=[a-z]){_LABEL})"
    r"(?::(?P<port>[1-9]\d{0,4}))?"
    r"(?:/(?!\.)[A-Za-z0-9._~-]*)*"
    r"(?:\?[A-Za-z0-9._~=&-]+)?",
    re.ASCII,
)
"""A URL that is one and the same whoever reads it: no user, no escapes, nothing to normalise."""

_DEFAULT_PORTS: Final = (80, 443)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, in parts. `str()` gives the whole of it.

    Attributes:
        text: the whole.
        scheme: `http` or `https` for an endpoint.
        host: its host, as text.
        port: None where it is the scheme's own.
        userinfo: user and password, with a colon between them, as they are in the URL.
    """

    text: str
    scheme: str
    host: str
    port: int | None
    userinfo: bytes

    @property
    def netloc(self) -> str:
        """Host and port."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return self.text


def ordinary(url: object) -> Address | None:
    """Read a URL without the HTTP library, None where it takes that to read it."""
    found = _ORDINARY.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and (port in _DEFAULT_PORTS or port > 65535):
        return None
    return Address(found[0], found["scheme"], found["host"], port, b"")


def endpoint_url(url: str) -> Address:
    """Return the endpoint as an ``http(s)`` URL; ``ws(s)`` means the same.

    Raises:
        UsageError: it is no absolute URL of these schemes, has a fragment, or names an
            invalid host or port.
    """
    if (found := ordinary(url)) is not None:
        known = _SCHEMES[found.scheme]
        return replace(found, scheme=known, text=known + found.text[len(found.scheme) :])
    try:
        parsed = httpx.URL(plain_url(url))
    except (httpx.InvalidURL, TypeError) as error:
        # The reason may hold a piece of the password.
        reason = "" if "@" in str(url) else f": {error}"
        raise UsageError(f"invalid URL{reason}") from None
    scheme = _SCHEMES.get(parsed.scheme)
    if scheme is None or not parsed.raw_host:
        raise UsageError(
            f"{shown(url)!r} must begin with http://, https://, ws:// or wss:// and a host"
        )
    if parsed.fragment:
        raise UsageError(f"{shown(url)!r} has a fragment, which a WebSocket URL may not have")
    if wrong := _never(parsed):
        raise UsageError(f"{shown(url)!r} {wrong}")
    return Address(
        str(parsed.copy_with(scheme=scheme)),
        scheme,
        parsed.host,
        parsed.port,
        parsed.userinfo,
    )


def plain_url(url: str) -> str:
    """Return a URL as text, also where a caller gives the `URL` of httpx or of httpx2.

    Neither library takes the other's. Anything else is returned as it is.
    """
    kind = type(url)
    return str(url) if kind.__name__ == "URL" and kind.__module__ in INSTALL else url


def _never(url: httpx.URL) -> str:
    """Say what about a URL's host or port can never be reached, "" for nothing.

    The libraries below raise errors of their own for these, each at another moment: httpx when the
    host is read (httpx2 gives a malformed name back as it is), Python when the name is looked up,
    asyncio when the port is used.
    """
    if url.port is not None and not 0 < url.port < 65536:
        return "has an invalid port: use 1 to 65535"
    name = url.raw_host.decode("ascii")
    try:
        _ = url.host  # decodes what begins with xn--
        name.encode("idna")  # as the look-up does; no label may be empty or over 63 characters
    except UnicodeError:
        return "has an invalid host name"
    if len(name.rstrip(".")) > _LONGEST_HOST:
        return f"has an invalid host name: it is over {_LONGEST_HOST} characters"
    return ""


def shown(url: str) -> str:
    """Return a URL as it may be printed: without credentials, and without what its query says."""
    parsed = httpx.URL(plain_url(url))
    host = parsed.netloc.decode("ascii", "replace")
    return f"{parsed.scheme}://{host}{parsed.path}{'?…' if parsed.query else ''}"


def shown_proxy(proxy: str | None) -> str:
    """Return a proxy's URL as it may be printed, "" for none."""
    return shown(proxy).rstrip("/") if proxy else ""


def proxy_for(url: Address, proxy: str | bool | None) -> str | None:
    """Return the URL of the proxy to use for an endpoint, None for none.

    The environment is read here, once, since the libraries below read it each in its own way:
    `HTTPS_PROXY` or `HTTP_PROXY` by the endpoint's scheme, else `ALL_PROXY`, unless `NO_PROXY`
    names the host.

    Args:
        url: the endpoint.
        proxy: a URL; True for the environment's; None or False for none.

    Raises:
        UsageError: it is no URL of a proxy, names an invalid host or port, or is a SOCKS
            proxy and what that needs is not installed.
    """
    if proxy is None or proxy is False:
        return None
    if proxy is True and url.port is not None and is_inside(url.host, url.port):
        return None  # no proxy could lead there
    if proxy is True:
        found = urllib.request.getproxies()
        proxy = found.get(url.scheme) or found.get("all")
        if not proxy or urllib.request.proxy_bypass(url.netloc):
            return None
        if "://" not in proxy:
            proxy = f"http://{proxy}"
    proxy = plain_url(proxy)
    gate = ordinary(proxy)
    if gate is not None and proxy.removesuffix("/") in (
        f"http://{gate.netloc}",
        f"https://{gate.netloc}",
    ):
        return proxy
    try:
        parsed = httpx.URL(proxy)
    except (httpx.InvalidURL, TypeError):
        # The reason may hold a piece of the password.
        raise UsageError("the proxy is not a valid URL") from None
    if parsed.scheme not in ("http", "https", "socks5", "socks5h") or not parsed.raw_host:
        raise UsageError(
            f"proxy {shown_proxy(proxy)!r} must be http://, https:// or socks5:// and a host"
        )
    if parsed.path not in ("", "/") or parsed.query or parsed.fragment:
        # websockets would refuse it with an error that holds the whole of it.
        raise UsageError(f"proxy {shown_proxy(proxy)!r} must be a scheme, a host and a port")
    if wrong := _never(parsed):
        raise UsageError(f"proxy {shown_proxy(proxy)!r} {wrong}")
    if parsed.scheme.startswith("socks") and not find_spec(_SOCKS):
        raise UsageError("a SOCKS proxy needs more packages: pip install 'byway[socks]'")
    return proxy


def check_tls(url: Address, ssl: ssl_module.SSLContext | None) -> None:
    """See that the TLS settings that a caller gives are some, and can be used.

    Raises:
        UsageError: settings are given for an endpoint without TLS, or they are no SSLContext.
    """
    if ssl is not None and not isinstance(ssl, ssl_module.SSLContext):
        raise UsageError(f"ssl must be an ssl.SSLContext, this is {type(ssl).__name__}")
    if url.scheme == "http" and ssl is not None:
        raise UsageError("ssl is given, but the URL is not https:// or wss://")


def tls_context(url: Address, ssl: ssl_module.SSLContext | None) -> ssl_module.SSLContext | None:
    """Return the TLS settings for an endpoint, None for plain text.

    Raises:
        UsageError: as `check_tls`.
    """
    check_tls(url, ssl)
    if url.scheme == "http":
        return None
    return ssl or ssl_module.create_default_context()
