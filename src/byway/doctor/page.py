"""Page: what a browser says with the requests of a page of the URL's own origin.

Knows: the headers `Origin` and `Sec-Fetch-Site`, and which URLs browsers trust with the latter.
Must not know: what is made of the responses.
"""

from __future__ import annotations

import ipaddress

from byway.http_library import httpx


def page_headers(url: httpx.URL, transport: str) -> list[tuple[str, str]]:
    """Return the headers of a page's request over a transport.

    Browsers say `Sec-Fetch-Site` to https and to this machine only (W3C Fetch Metadata, section
    2). Chromium does not say it in a WebSocket handshake.

    Args:
        url: the endpoint as an ``http(s)`` URL.
        transport: name of the transport.
    """
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port is None else f":{url.port}"
    headers = [("origin", f"{url.scheme}://{host}{port}")]
    if transport != "websocket" and _trusted(url):
        headers.append(("sec-fetch-site", "same-origin"))
    return headers


def _trusted(url: httpx.URL) -> bool:
    """Say whether a URL is potentially trustworthy (W3C Secure Contexts, section 3.2)."""
    if url.scheme == "https" or url.host == "localhost" or url.host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
