"""ASGI servers that start several workers: how each is told to, and how it says that it serves.

Knows: their command lines, their logs.
Must not know: what an application does, how workers find each other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.process import START_TIMEOUT, Program, running, start_on_free_port
from tests.support.servers import Server

_BIN: Final = Path(sys.executable).parent

_COMPLETE: Final = "Application startup complete"
_LISTENING: Final = "ASGI server listening"


@dataclass(frozen=True)
class Workers:
    """A way to start several workers.

    Attributes:
        name: of the server, and of the kind of its workers.
        command: the command line, given how many workers, the port and the application.
        ready: the line that each worker writes when it serves. One that is told to stop before
            that does not always hear it.
        restarts: it starts another worker in the place of one that was killed.
        lifespan: it has one.
        denies: it lets an application answer a WebSocket's handshake with a status of its own.
        recycled: the options by which a worker ends after a number of requests, without it.
    """

    name: str
    command: Callable[[int, int, str], Sequence[str | Path]]
    ready: str
    restarts: bool = True
    lifespan: bool = True
    denies: bool = True
    recycled: str = ""


def _uvicorn(count: int, port: int, app: str) -> Sequence[str | Path]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(count)]
    return [sys.executable, "-m", "uvicorn", *options, app]


def _hypercorn(module: str) -> Callable[[int, int, str], Sequence[str | Path]]:
    def command(count: int, port: int, app: str) -> Sequence[str | Path]:
        options = ["--bind", f"127.0.0.1:{port}", "--workers", str(count), "--error-logfile", "-"]
        return [sys.executable, "-m", module, *options, app]

    return command


def _granian(interface: str) -> Callable[[int, int, str], Sequence[str | Path]]:
    def command(count: int, port: int, app: str) -> Sequence[str | Path]:
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(count)]
        more = ["--interface", interface, "--respawn-failed-workers"]
        return [_BIN / "granian", *options, *more, app]

    return command


def _gunicorn(kind: str, *preload: str) -> Callable[[int, int, str], Sequence[str | Path]]:
    def command(count: int, port: int, app: str) -> Sequence[str | Path]:
        options = ["--bind", f"127.0.0.1:{port}", "--workers", str(count), "--worker-class", kind]
        # A worker that is just starting may not hear that it shall stop: it is killed then.
        more = ("--no-control-socket", "--graceful-timeout", "20", *preload)
        return [_BIN / "gunicorn", *options, *more, app]

    return command


ALL: Final = {
    one.name: one
    for one in (
        Workers("uvicorn", _uvicorn, _COMPLETE, recycled="--limit-max-requests"),
        Workers(
            "hypercorn",
            _hypercorn("hypercorn"),
            "Running on",
            restarts=False,
            recycled="--max-requests",
        ),
        Workers(
            "anycorn",
            _hypercorn("anycorn"),
            "Running on",
            restarts=False,
            recycled="--max-requests",
        ),
        Workers("granian-asgi", _granian("asgi"), "Started worker"),
        Workers("granian-asginl", _granian("asginl"), "Started worker", lifespan=False),
        Workers(
            "gunicorn-uvicorn",
            _gunicorn("uvicorn_worker.UvicornWorker"),
            _COMPLETE,
            recycled="--max-requests",
        ),
        Workers(
            "gunicorn-asgi", _gunicorn("asgi"), _LISTENING, denies=False, recycled="--max-requests"
        ),
        Workers(
            "gunicorn-preload",
            _gunicorn("asgi", "--preload"),
            _LISTENING,
            denies=False,
            recycled="--max-requests",
        ),
    )
}
"""All that are tested, by name."""


@contextmanager
def serving(
    kind: Workers,
    app: str,
    *options: str,
    count: int = 4,
    env: Mapping[str, str] | None = None,
    stop_timeout: float = 30.0,
) -> Iterator[Server]:
    """Serve `module:app` with several workers; stop them at the end of the block.

    Args:
        kind: the server.
        app: the application.
        options: more options of the command line.
        count: how many workers.
        env: more variables of the environment.
        stop_timeout: seconds that it may take to stop.
    """

    def command(port: int) -> Sequence[str | Path]:
        words = list(kind.command(count, port, app))
        return [*words[:-1], *options, words[-1]]

    program, port = start_on_free_port(kind.name, command, env)
    with running(program):
        try:
            until_ready(kind, program, count)
            yield Server(program, port)
        finally:
            if program.process.poll() is None:
                program.stop(stop_timeout)


def until_ready(kind: Workers, program: Program, count: int) -> None:
    """Wait until as many workers have said that they serve, those among them that ended since."""
    mark = 0
    for _ in range(count):
        program.log.wait(kind.ready, since=mark, timeout=2 * START_TIMEOUT)
        lines = program.log.since(mark)
        mark += 1 + next(number for number, line in enumerate(lines) if kind.ready in line)
