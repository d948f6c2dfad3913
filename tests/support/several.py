"""One application in several processes: the workers of one server, or servers behind a balancer.

Knows: how both are started and stopped, and which processes serve at the moment.
Must not know: what an application does, how processes find each other.

Run as a program it is the supervisor of servers that know nothing of each other, as systemd is:

    python -m tests.support.several '{"app": "tests.apps.endpoint_app:app", "count": 4}'
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.process import START_TIMEOUT, Program, running
from tests.support.redis import redis_server
from tests.support.round_robin import round_robin
from tests.support.servers import LOG_CONFIG, Server

COUNT = 4
"""Processes."""

PLACES = ("workers", "servers")
"""Workers of one uvicorn without configuration; servers behind HAProxy with Redis."""

CHECKED = "default-server check inter 250ms fall 1 rise 1 on-marked-down shutdown-sessions"
"""A balancer asks its servers whether they are there, and forgets those that are not."""

REDISPATCH = "option redispatch 1\n    retries 3"
"""Where one server takes no connection, the next is asked."""

_STARTED = re.compile(r"Started server process \[(\d+)\]")


@dataclass
class Several(Server):
    """Processes that accept connections at one port.

    Attributes:
        ports: of each process by itself, where it has one: nothing for workers of one server.
    """

    ports: tuple[int, ...] = field(default=())

    def pids(self) -> list[int]:
        """Return the processes that serve now, the oldest first."""
        told = [int(match[1]) for line in self.log.lines if (match := _STARTED.search(line))]
        return [pid for pid in dict.fromkeys(told) if _lives(pid)]

    def others(self, owners: Container[int], timeout: float = 2 * START_TIMEOUT) -> list[int]:
        """Return the processes but some, as soon as there are any: killed ones come back."""
        deadline = time.monotonic() + timeout
        while not (found := [pid for pid in self.pids() if pid not in owners]):
            assert time.monotonic() < deadline, "no process has come back"
            threading.Event().wait(0.05)  # nothing says when: ask again
        return found

    def wait_until_all_serve(self, timeout: float = 2 * START_TIMEOUT) -> None:
        """Wait until as many processes serve as did at first, after some were killed."""
        deadline = time.monotonic() + timeout
        while len(self.pids()) < COUNT:
            assert time.monotonic() < deadline, f"{self.pids()} serve alone"
            threading.Event().wait(0.05)  # nothing says when: ask again

    def wait_for(self, count: int = COUNT, *, since: int = 0) -> None:
        """Wait until so many processes have begun to serve after a place in the log."""
        lines = r"Application startup complete"
        for _ in range(count):
            self.log.wait(lines, since=since, timeout=2 * START_TIMEOUT)
            since = 1 + next(
                at for at, line in enumerate(self.log.lines) if at >= since and lines in line
            )


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def workers(
    app: str, *options: str, count: int = COUNT, env: Mapping[str, str] | None = None
) -> Iterator[Several]:
    """Serve `module:app` with one uvicorn of several workers, and nothing else said to it.

    A worker that is killed is started again. Asked twice a second whether it is there, it may stand
    still for 12 s, by default 5, before uvicorn kills it. Where it dies while it is asked, uvicorn
    0.54 starts nobody and does not stop for as long.
    """
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "0"]
    command += ["--log-config", str(LOG_CONFIG), "--no-access-log", "--workers", str(count)]
    command += ["--timeout-worker-healthcheck", "12", *options]
    with running(Program(command, env=env)) as program:
        match = program.log.wait(r"Uvicorn running on https?://[^:]+:(\d+)", timeout=START_TIMEOUT)
        several = Several(program, int(match[1]))
        several.wait_for(count)
        yield several


@contextmanager
def servers(
    app: str, *options: str, count: int = COUNT, env: Mapping[str, str] | None = None
) -> Iterator[Several]:
    """Serve `module:app` with several uvicorns, each of one process, behind HAProxy round robin.

    One that is killed is started again at its port.
    """
    told = json.dumps({"app": app, "count": count, "options": options})
    with running(
        Program([sys.executable, "-m", "tests.support.several", told], env=env)
    ) as program:
        found = program.log.wait(r"several serve at (\[.*\])", timeout=3 * START_TIMEOUT)
        ports = json.loads(found[1])
        with round_robin(*ports, backend=f"{REDISPATCH}\n    {CHECKED}") as proxy:
            several = Several(program, proxy.port, tuple(ports))
            yield several


@contextmanager
def serving(place: str, app: str) -> Iterator[Several]:
    """Serve `module:app` in one of the places."""
    if place == "workers":
        with workers(app) as one:
            yield one
        return
    with redis_server() as redis, servers(app, env={"BYWAY_BACKPLANE": redis.url()}) as one:
        yield one


def _start(app: str, port: int, options: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--log-config", str(LOG_CONFIG), "--no-access-log", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")


class _Supervisor:
    """Keeps servers running until it is told to stop (SIGTERM)."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._app, self._options = asked["app"], list(asked["options"])
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._keep) for _ in range(asked["count"])]
        self._children: dict[int, subprocess.Popen[str]] = {}
        self._ports: list[int] = []
        self._all = threading.Condition()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        for one in self._threads:
            one.start()
        with self._all:
            self._all.wait_for(lambda: len(self._ports) == len(self._threads))
        print(f"several serve at {json.dumps(self._ports)}", file=sys.stderr, flush=True)  # noqa: T201
        for one in self._threads:
            one.join()

    def _stop(self, *_: object) -> None:
        self._stopping.set()
        for one in list(self._children.values()):
            with suppress(ProcessLookupError):
                one.terminate()

    def _keep(self) -> None:
        port = 0
        while not self._stopping.is_set():
            child = _start(self._app, port, self._options)
            self._children[threading.get_ident()] = child
            assert child.stderr is not None
            for line in child.stderr:
                os.write(2, line.encode())
                if not port and (match := re.search(r"running on http://[^:]+:(\d+)", line)):
                    with self._all:
                        port = int(match[1])
                        self._ports.append(port)
                        self._all.notify()
            child.wait()


if __name__ == "__main__":
    _Supervisor(json.loads(sys.argv[1])).run()
