"""All proxies and origins of a run: each is started when a test first asks for it.

Knows: which origin stands behind which proxy, and how a client has to be told of both.
Must not know: what is said.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.proxies.programs import proxy
from tests.proxies.variants import Variant
from tests.support.proxies import Proxy
from tests.support.servers import Server, hypercorn, uvicorn
from tests.support.tls import Authority, tls_server

APP = "tests.apps.proxied_app:app"


@dataclass(frozen=True)
class Way:
    """The way through one proxy to its origin.

    Attributes:
        variant: which proxy, in which configuration.
        proxy: the running one.
        origin: the server behind it.
        context: whom a client trusts.
    """

    variant: Variant
    proxy: Proxy
    origin: Server
    context: ssl.SSLContext

    def url(self, path: str = "", *, port: int | None = None) -> str:
        """Return the address that a client is given.

        Args:
            path: on the server.
            port: another than the real one, of something that leads to it.
        """
        scheme = "https" if self.variant.tls else "http"
        if self.variant.forward:
            # A name, as Squid makes no certificate that would do for an address.
            return f"{scheme}://localhost:{self.origin.port}{path}"
        return f"{scheme}://127.0.0.1:{port or self.proxy.port}{path}"

    @property
    def browsers_proxy(self) -> str | None:
        """Return what a browser is given as its proxy, None for none."""
        return f"127.0.0.1:{self.proxy.port}" if self.variant.forward else None

    def options(self, *, port: int | None = None) -> dict[str, Any]:
        """Return what `byway.connect` and `byway.diagnose` need to know beside the address."""
        through = f"http://127.0.0.1:{port or self.proxy.port}" if self.variant.forward else None
        return {"proxy": through, "ssl": self.context if self.variant.tls else None}


class World:
    """Whatever runs; it ends with the stack."""

    def __init__(self, stack: ExitStack, authority: Authority) -> None:
        """Start with nothing."""
        self._stack = stack
        self.authority = authority
        self._origins: dict[str, Server] = {}
        self._ways: dict[Variant, Way] = {}

    def way(self, variant: Variant) -> Way:
        """Return the way through a proxy, which runs from now on."""
        if variant not in self._ways:
            self._ways[variant] = self.new_way(variant, self._stack, self.origin(variant.origin))
        return self._ways[variant]

    def new_way(self, variant: Variant, stack: ExitStack, origin: Server) -> Way:
        """Start a proxy once more, for a test that does something to it."""
        running = stack.enter_context(proxy(variant, origin.port, self.authority))
        return Way(variant, running, origin, self.authority.context())

    def origin(self, name: str) -> Server:
        """Return a server, which runs from now on."""
        if name not in self._origins:
            self._origins[name] = self.new_origin(name, self._stack)
        return self._origins[name]

    def new_origin(self, name: str, stack: ExitStack, *options: str) -> Server:
        """Start a server once more, for a test that does something to it."""
        files = ("--keyfile", self.authority.key_file, "--certfile")
        start = {
            "uvicorn": lambda: uvicorn(APP, *options),
            "uvicorn-tls": lambda: tls_server(APP, self.authority),
            "hypercorn": lambda: hypercorn(
                APP, *map(str, (*files, self.authority.certificate_file)), *options
            ),
            "hypercorn-cleartext": lambda: hypercorn(APP, *options),
        }
        return stack.enter_context(start[name]())

    def terminate(self) -> None:
        """Ask all to stop, since some take seconds; the stack waits for them."""
        for one in self._ways.values():
            one.proxy.program.terminate()

    def assert_quiet(self) -> None:
        """Check that no server has raised anything."""
        for one in self._origins.values():
            one.assert_quiet()
