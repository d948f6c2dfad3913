"""HAProxy before several servers, each request or connection to the next of them in turn.

Knows: how it is started, and what makes it send a client back to the same server.
Must not know: what is sent through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import find_program
from tests.support.proxies import Proxy, started

STICKY = "cookie SRV insert indirect nocache"
"""What goes on with the same server as before, by a cookie."""


@contextmanager
def round_robin(*ports: int, backend: str = "") -> Iterator[Proxy]:
    """Run HAProxy before servers on these ports of 127.0.0.1.

    Args:
        ports: of the servers.
        backend: more lines of the backend, such as `STICKY`.
    """

    def command(folder: Path, port: int) -> list[str]:
        servers = "\n".join(
            f"    server s{index} 127.0.0.1:{one} cookie s{index}"
            for index, one in enumerate(ports)
        )
        config = folder / "haproxy.cfg"
        config.write_text(
            f"""
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    option http-no-delay
frontend web
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    balance roundrobin
    {backend}
{servers}
"""
        )
        return [program, "-db", "-f", str(config)]

    program = find_program("haproxy")
    with started(command) as proxy:
        yield proxy
