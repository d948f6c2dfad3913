"""Every proxy as it is tried here: its configuration, the origin behind it, what passes it.

Knows: which transports carry a session through each, and which one is chosen.
Must not know: how a proxy is started, or what a test does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALL: Final = ("websocket", "stream", "sse", "poll")
HTTP: Final = ("stream", "sse", "poll")


@dataclass(frozen=True)
class Variant:
    """One proxy in one configuration.

    Attributes:
        name: `program/configuration`, as the file is called.
        works: the transports that carry a session of the Python client.
        tls: clients speak TLS to it, or to the origin through it.
        forward: clients name it as their proxy, and the origin as the server.
        origin: the server behind it: `uvicorn`, `uvicorn-tls`, `hypercorn` (HTTP/2 over TLS) or
            `hypercorn-cleartext`, which takes HTTP/2 without TLS too.
        pages: the transport that a page ends up on, where that is another.
    """

    name: str
    works: tuple[str, ...] = ALL
    tls: bool = False
    forward: bool = False
    origin: str = "uvicorn"
    pages: str = ""

    def __str__(self) -> str:
        """Name it."""
        return self.name

    @property
    def program(self) -> str:
        """Which program it is."""
        return self.name.partition("/")[0]

    @property
    def page(self) -> str:
        """Where it is described, seen from docs/reference."""
        return f"../how-to/{self.program}.md"

    @property
    def default(self) -> str:
        """The transport that a session ends up on."""
        return self.works[0]

    @property
    def works_in_pages(self) -> tuple[str, ...]:
        """The transports that carry a session of a page."""
        return self.works[self.works.index(self.pages or self.default) :]


VARIANTS: Final = (
    Variant("nginx/plain", HTTP),
    Variant("nginx/websocket"),
    Variant("nginx/tls", HTTP, tls=True),
    Variant("nginx/http2", tls=True),
    Variant("nginx/gzip", HTTP),
    Variant("haproxy/plain"),
    Variant("haproxy/tls", tls=True),
    Variant("haproxy/http1", tls=True),
    Variant("haproxy/http2", tls=True, origin="hypercorn"),
    Variant("haproxy/cleartext", tls=True, origin="hypercorn-cleartext"),
    Variant("haproxy/compression", tls=True),
    Variant("haproxy/blocked", HTTP, tls=True),
    Variant("haproxy/blocked-http2", HTTP, tls=True, origin="hypercorn"),
    Variant("haproxy/workaround", tls=True),
    Variant("apache/plain", HTTP),
    Variant("apache/websocket"),
    Variant("apache/http2", tls=True),
    Variant("apache/cleartext", HTTP, origin="hypercorn-cleartext"),
    Variant("caddy/plain"),
    Variant("caddy/tls", tls=True),
    Variant("caddy/cleartext", HTTP, tls=True, origin="hypercorn-cleartext"),
    Variant("envoy/plain", HTTP),
    Variant("envoy/upgrades", tls=True),
    Variant("envoy/offered", tls=True, pages="stream"),
    Variant("envoy/cleartext", tls=True, origin="hypercorn-cleartext"),
    Variant("traefik/plain"),
    Variant("traefik/tls", tls=True),
    Variant("traefik/cleartext", tls=True, origin="hypercorn-cleartext"),
    Variant("traefik/buffering", ("websocket", "poll")),
    Variant("squid/forward", forward=True),
    Variant("squid/port443", HTTP, forward=True),
    Variant("squid/tunnel", tls=True, forward=True, origin="uvicorn-tls"),
    Variant("squid/accelerator", HTTP),
    Variant("squid/interception", HTTP, tls=True, forward=True, origin="uvicorn-tls"),
    Variant("mitmproxy/plain", ("websocket", "poll"), tls=True, forward=True, origin="uvicorn-tls"),
    Variant("mitmproxy/streaming", tls=True, forward=True, origin="uvicorn-tls"),
    Variant("mitmproxy/http2", tls=True, forward=True, origin="hypercorn"),
)

BY_NAME: Final = {one.name: one for one in VARIANTS}

# These differ in their origins only.
FILES: Final = {"squid/tunnel": "squid/forward", "mitmproxy/http2": "mitmproxy/streaming"}
