"""Every ASGI server that byway is tried on, each with one worker: how it is started.

Knows: their command lines, which options make them differ, what is told of their versions.
Must not know: what an application does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.support.process import running, start_on_free_port
from tests.support.servers import LOG_CONFIG, Server

Command = Callable[[int, str, str], Sequence[str | Path]]


@dataclass(frozen=True)
class Kind:
    """A way to start a server.

    Attributes:
        name: short, for names of tests.
        title: for people.
        command: the command line, given the port, the application and the `root_path`. Its first
            word is this Python, its last the application.
        packages: whose versions say what was tried.
        prefix: whether requests name the `root_path` in their own path, as behind a proxy that
            takes nothing away; else the server puts it before the path itself.
        tls: whether it wants a certificate: `$CERTIFICATE` in the command stands for its file.
    """

    name: str
    title: str
    command: Command
    packages: tuple[str, ...]
    prefix: bool = True
    tls: bool = False

    @property
    def versions(self) -> str:
        """What was tried, with versions."""
        return ", ".join(f"{one} {version(one)}" for one in self.packages)


def _uvicorn(http: str, ws: str) -> Command:
    def command(port: int, app: str, root: str) -> Sequence[str | Path]:
        options = ["--host", "127.0.0.1", "--port", str(port), "--http", http, "--ws", ws]
        options += ["--log-config", str(LOG_CONFIG), "--root-path", root]
        return [sys.executable, "-m", "uvicorn", *options, app]

    return command


def _hypercorn(module: str, *more: str) -> Command:
    def command(port: int, app: str, root: str) -> Sequence[str | Path]:
        options = ["--bind", f"127.0.0.1:{port}", "--error-logfile", "-", "--root-path", root]
        return [sys.executable, "-m", module, *options, *more, app]

    return command


def _granian(port: int, app: str, root: str) -> Sequence[str | Path]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--interface", "asgi"]
    if root:
        options += ["--url-path-prefix", root]
    return [sys.executable, "-m", "granian", *options, app]


def _gunicorn(worker: str) -> Command:
    def command(port: int, app: str, root: str) -> Sequence[str | Path]:
        options = ["--bind", f"127.0.0.1:{port}", "--worker-class", worker]
        options += ["--no-control-socket", "--root-path", root]
        return [sys.executable, "-m", "gunicorn", *options, app]

    return command


def _daphne(port: int, app: str, root: str) -> Sequence[str | Path]:
    options = ["--bind", "127.0.0.1", "--port", str(port), "--root-path", root]
    return [sys.executable, "-m", "daphne", *options, app]


def _uvicorns() -> Iterator[Kind]:
    for http, parser in (("httptools", "httptools"), ("h11", "h11")):
        for ws, library in (
            ("websockets-sansio", "websockets"),
            ("websockets", "websockets"),
            ("wsproto", "wsproto"),
        ):
            yield Kind(
                f"uvicorn-{http}-{ws}",
                f"uvicorn `--http {http} --ws {ws}`",
                _uvicorn(http, ws),
                ("uvicorn", parser, library),
                prefix=False,
            )


ALL: Final = {
    one.name: one
    for one in (
        *_uvicorns(),
        Kind("hypercorn", "Hypercorn, HTTP/1.1", _hypercorn("hypercorn"), ("hypercorn",)),
        Kind(
            "hypercorn-http2",
            "Hypercorn, HTTP/2 over TLS",
            _hypercorn("hypercorn", "--certfile", "$CERTIFICATE", "--keyfile", "$CERTIFICATE"),
            ("hypercorn", "h2"),
            tls=True,
        ),
        Kind("anycorn", "anycorn", _hypercorn("anycorn"), ("anycorn",)),
        Kind("granian", "Granian `--interface asgi`", _granian, ("granian",)),
        Kind("gunicorn-asgi", "gunicorn `-k asgi`", _gunicorn("asgi"), ("gunicorn",)),
        Kind(
            "gunicorn-uvicorn",
            "gunicorn `-k uvicorn_worker.UvicornWorker`",
            _gunicorn("uvicorn_worker.UvicornWorker"),
            ("gunicorn", "uvicorn-worker", "uvicorn"),
            prefix=False,
        ),
        Kind("daphne", "Daphne", _daphne, ("daphne",)),
    )
}
"""All of them, by name."""


@contextmanager
def serving(
    kind: Kind,
    app: str,
    *options: str,
    root_path: str = "",
    certificate: Path | None = None,
    python: str | Path = sys.executable,
    env: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve `module:app` by one worker of a server; stop it at the end of the block.

    Args:
        kind: the server.
        app: the application.
        options: more options of the command line.
        root_path: the ASGI scope's, with a slash in front.
        certificate: a PEM file with key and chain, for a server that wants TLS.
        python: in which environment it runs.
        env: more variables of the environment.
    """

    def command(port: int) -> Sequence[str | Path]:
        words = [
            certificate if one == "$CERTIFICATE" and certificate else one
            for one in kind.command(port, app, root_path)
        ]
        return [python, *words[1:-1], *options, words[-1]]

    program, port = start_on_free_port(kind.name, command, env)
    with running(program):
        try:
            yield Server(program, port)
        finally:
            if program.process.poll() is None:
                program.stop(30.0)
