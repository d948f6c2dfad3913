"""Products: what sends a response, as far as its headers tell.

Knows: names that proxies and filters put into `Via` and `Server`.
Must not know: what else was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_NAMES: Final = (
    (r"squid", "Squid"),
    (r"envoy", "Envoy"),
    (r"openresty|nginx", "nginx"),
    (r"haproxy", "HAProxy"),
    (r"traefik", "Traefik"),
    (r"cloudflare", "Cloudflare"),
    (r"cloudfront", "CloudFront"),
    (r"awselb", "an AWS load balancer"),
    (r"google frontend|\bgfe\b|google$", "Google's front end"),
    (r"akamai", "Akamai"),
    (r"fastly", "Fastly"),
    (r"varnish", "Varnish"),
    (r"mitmproxy", "mitmproxy"),
    (r"apache|httpd", "Apache"),
    (r"caddy", "Caddy"),
    (r"microsoft-iis|arr/", "IIS"),
    (r"zscaler", "Zscaler"),
    (r"blue ?coat|proxysg|symantec", "Blue Coat"),
    (r"mcafee|skyhigh|web gateway", "a web gateway"),
    (r"forti", "FortiGate"),
    (r"sophos", "Sophos"),
    (r"big-?ip", "BIG-IP"),
    (r"tinyproxy", "Tinyproxy"),
)


def product(headers: Iterable[tuple[str, str]]) -> str:
    """Return the name of the proxy that sent a response, or passed it on; "" where none tells.

    `Via` is asked first: there the proxies sign (RFC 9110, section 7.6.3), while `Server` may be
    the origin's own.
    """
    found = dict(headers)
    if "x-squid-error" in found:
        return "Squid"
    for header in ("via", "server", "x-cache"):
        value = found.get(header, "").lower()
        for pattern, name in _NAMES:
            if value and re.search(pattern, value):
                return name
    if found.get("via"):
        return f"a proxy that calls itself {found['via']!r}"
    return ""
