"""Addresses: the endpoint's URL, the proxy and the certificates, settled once for all transports.

Knows: URLs, the environment's proxy settings, TLS contexts, which servers are in this process.
Must not know: transports, sessions.
"""

from __future__ import annotations

import ssl as ssl_module
import urllib.request
from importlib.util import find_spec

from byway.errors import UsageError
from byway.http_library import INSTALL, httpx
from byway.transports.inside import is_inside

_SOCKS = "python_socks"
_LONGEST_HOST = 253  # characters of a name, RFC 1035 section 2.3.4
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}


def endpoint_url(url: str) -> httpx.URL:
    """Return the endpoint as an ``http(s)`` URL; ``ws(s)`` means the same.

    Raises:
        UsageError: it is no absolute URL of these schemes, has a fragment, or names a host or a
            port that cannot be.
    """
    try:
        parsed = httpx.URL(plain_url(url))
    except (httpx.InvalidURL, TypeError) as error:
        # The reason may hold a piece of the password.
        reason = "" if "@" in str(url) else f": {error}"
        raise UsageError(f"this is not a URL{reason}") from None
    scheme = _SCHEMES.get(parsed.scheme)
    if scheme is None or not parsed.raw_host:
        raise UsageError(
            f"{shown(url)!r} must begin with http://, https://, ws:// or wss:// and a host"
        )
    if parsed.fragment:
        raise UsageError(f"{shown(url)!r} has a fragment, which a WebSocket URL may not have")
    if wrong := _never(parsed):
        raise UsageError(f"{shown(url)!r} {wrong}")
    return parsed.copy_with(scheme=scheme)


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
        return "has a port that cannot be: use 1 to 65535"
    name = url.raw_host.decode("ascii")
    try:
        _ = url.host  # decodes what begins with xn--
        name.encode("idna")  # as the look-up does; no label may be empty or over 63 characters
    except UnicodeError:
        return "has a host that cannot be: its name is malformed"
    if len(name.rstrip(".")) > _LONGEST_HOST:
        return f"has a host that cannot be: its name is over {_LONGEST_HOST} characters"
    return ""


def shown(url: str) -> str:
    """Return a URL as it may be printed: without credentials, and without what its query says."""
    parsed = httpx.URL(plain_url(url))
    host = parsed.netloc.decode("ascii", "replace")
    return f"{parsed.scheme}://{host}{parsed.path}{'?…' if parsed.query else ''}"


def shown_proxy(proxy: str | None) -> str:
    """Return a proxy's URL as it may be printed, "" for none."""
    return shown(proxy).rstrip("/") if proxy else ""


def proxy_for(url: httpx.URL, proxy: str | bool | None) -> str | None:
    """Return the URL of the proxy to use for an endpoint, None for none.

    The environment is read here, once, since the libraries below read it each in its own way:
    `HTTPS_PROXY` or `HTTP_PROXY` by the endpoint's scheme, else `ALL_PROXY`, unless `NO_PROXY`
    names the host.

    Args:
        url: the endpoint.
        proxy: a URL; True for the environment's; None or False for none.

    Raises:
        UsageError: it is no URL of a proxy, names a host or a port that cannot be, or is a SOCKS
            proxy and what that needs is not installed.
    """
    if proxy is None or proxy is False:
        return None
    if proxy is True and url.port is not None and is_inside(url.host, url.port):
        return None  # no proxy could lead there
    if proxy is True:
        found = urllib.request.getproxies()
        proxy = found.get(url.scheme) or found.get("all")
        host = url.host if url.port is None else f"{url.host}:{url.port}"
        if not proxy or urllib.request.proxy_bypass(host):
            return None
        if "://" not in proxy:
            proxy = f"http://{proxy}"
    proxy = plain_url(proxy)
    try:
        parsed = httpx.URL(proxy)
    except (httpx.InvalidURL, TypeError):
        # The reason may hold a piece of the password.
        raise UsageError("the proxy is not given as a URL") from None
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
        raise UsageError("a SOCKS proxy needs more: pip install 'byway[socks]'")
    return proxy


def tls_context(url: httpx.URL, ssl: ssl_module.SSLContext | None) -> ssl_module.SSLContext | None:
    """Return the TLS settings for an endpoint, None for plain text.

    Raises:
        UsageError: settings are given for an endpoint without TLS, or they are no SSLContext.
    """
    if ssl is not None and not isinstance(ssl, ssl_module.SSLContext):
        raise UsageError(f"ssl must be an ssl.SSLContext, this is {type(ssl).__name__}")
    if url.scheme == "http":
        if ssl is not None:
            raise UsageError("ssl is given, but the URL is not https:// or wss://")
        return None
    return ssl or ssl_module.create_default_context()
