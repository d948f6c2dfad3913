"""HAProxy before one server that comes and goes, as in a deploy.

Knows: what a balancer says while it has no server.
Must not know: what is sent through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import find_program
from tests.support.proxies import Proxy, started

AWAY = 'http-request return status {status} content-type text/html string "<h1>Away</h1>"'
"""The line of configuration that answers in the server's place."""


@contextmanager
def balancer(server: int, *, status: int = 503, retry_after: str | None = None) -> Iterator[Proxy]:
    """Run HAProxy before a port where a server may be, or not be yet.

    Args:
        server: the port.
        status: what is answered while nobody listens there.
        retry_after: the `Retry-After` of that answer, None for none.
    """
    wait = f' hdr Retry-After "{retry_after}"' if retry_after is not None else ""

    def command(folder: Path, port: int) -> list[str]:
        (folder / "haproxy.cfg").write_text(
            f"""
global
    log stdout format raw local0 info
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
listen web
    bind 127.0.0.1:{port}
    {AWAY.format(status=status)}{wait} if {{ nbsrv(web) eq 0 }}
    server app 127.0.0.1:{server} check inter 100ms fall 1 rise 1
"""
        )
        return [program, "-f", str(folder / "haproxy.cfg"), "-db"]

    program = find_program("haproxy")
    with started(command) as proxy:
        yield proxy
