"""nginx and Squid as plain processes, each with a folder, a configuration and a port of its own.

Knows: how they are started so that nothing outside of that folder is read or written.
Must not know: what is sent through them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import Program, find_program, free_port, running, wait_until_accepting

TRIES = 3
"""Times that a start is tried with another port, if somebody else took the first."""

PLAIN_PROXY = """
location / {{
    proxy_pass http://127.0.0.1:{port};
}}
"""
"""The simplest reverse proxy. It forwards no `Upgrade`, so a WebSocket cannot pass."""


@dataclass
class Proxy:
    """A proxy that accepts connections.

    Attributes:
        program: its process.
        port: where it listens, on 127.0.0.1.
        folder: where its configuration and logs are.
    """

    program: Program
    port: int
    folder: Path

    def url(self, path: str = "", *, scheme: str = "http") -> str:
        """Return an address on it."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    async def access_log(self, wanted: str, *, timeout: float = 5.0) -> str:
        """Return the log of what was asked for, as soon as it holds this text.

        Raises:
            AssertionError: it did not in time. Squid logs a request when it has ended.
        """
        file = self.folder / "access.log"
        deadline = time.monotonic() + timeout
        while True:
            text = file.read_text() if file.exists() else ""
            if wanted in text:
                return text
            assert time.monotonic() < deadline, f"{wanted!r} is not in the log:\n{text}"
            await asyncio.sleep(0.02)  # nothing tells when a file has grown: look again


@contextmanager
def nginx(location: str) -> Iterator[Proxy]:
    """Run nginx with one server.

    Args:
        location: what stands in its `server` block, for example `PLAIN_PROXY.format(port=…)`.
    """

    def command(folder: Path, port: int) -> list[str]:
        config = folder / "nginx.conf"
        config.write_text(
            f"""
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
        )
        return [program, "-p", str(folder), "-e", "stderr", "-c", str(config)]

    program = find_program("nginx")
    with started(command) as proxy:
        yield proxy


@contextmanager
def squid(config: str = "", *, hosts: str = "") -> Iterator[Proxy]:
    """Run Squid as a forward proxy that lets everybody reach every port, `CONNECT` too.

    Args:
        config: more lines of its configuration, before those that let everybody in.
        hosts: lines of a hosts file, for names that nobody but this proxy can resolve.
    """

    def command(folder: Path, port: int) -> list[str]:
        (folder / "hosts").write_text(hosts or "127.0.0.1 localhost\n")
        (folder / "squid.conf").write_text(
            f"""
{config}
http_access allow all
http_port 127.0.0.1:{port}
hosts_file {folder}/hosts
pid_filename none
cache deny all
cache_mem 8 MB
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
cache_store_log none
coredump_dir {folder}
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.test
"""
        )
        # Started by root it becomes another user, who has to be able to write here.
        for path in (folder, *folder.iterdir()):
            path.chmod(0o777 if path.is_dir() else 0o644)
        return [program, "-N", "-d", "1", "-f", str(folder / "squid.conf")]

    program = find_program("squid")
    with started(command) as proxy:
        yield proxy


@contextmanager
def started(command: Callable[[Path, int], list[str]]) -> Iterator[Proxy]:
    """Run a proxy in a folder of its own.

    Args:
        command: writes its configuration into a folder and returns its command line for a port.
    """
    # Not pytest's folder: that one is closed to other users.
    log: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="byway-test-"))
    os.chmod(folder, 0o755)
    try:
        for _ in range(TRIES):
            port = free_port()
            with running(Program(command(folder, port), cwd=folder)) as program:
                if wait_until_accepting(program, port):
                    yield Proxy(program, port, folder)
                    return
            log = program.log.lines
        raise AssertionError("it did not start:\n" + "\n".join(log[-20:]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
