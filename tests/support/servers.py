"""ASGI servers as processes of their own: uvicorn and hypercorn on a port that the system chose.

Knows: how each is started, and how each says that it serves.
Must not know: what an application does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import START_TIMEOUT, Log, Program, running

LOG_CONFIG = Path(__file__).with_name("log_config.json")
"""Every line is `LEVEL logger: message`, all loggers go to standard error."""

STREAMS = "Exception in callback StreamReaderProtocol.connection_made"
"""What asyncio says, before Python 3.12, of a connection's task that was cancelled, since it asks
for its exception. Hypercorn cancels such tasks where it stops while connections are open."""


@dataclass
class Server:
    """A server that accepts connections.

    Attributes:
        program: its process.
        port: where it listens, on 127.0.0.1.
    """

    program: Program
    port: int

    @property
    def log(self) -> Log:
        """What it has logged."""
        return self.program.log

    def url(self, path: str = "/", *, scheme: str = "http") -> str:
        """Return an address on it."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def tracebacks(self) -> list[str]:
        """Return the last line of each traceback in its log: what was raised.

        Without those of `STREAMS` where a task was cancelled.
        """
        found: list[str] = []
        inside = of_streams = False
        for line in self.log.lines:
            if STREAMS in line:
                of_streams = True
            elif line.startswith("Traceback (most recent call last)"):
                inside = True
            elif of_streams and line == "asyncio.exceptions.CancelledError":
                inside = of_streams = False
            elif inside and line and not line[0].isspace() and not line.startswith("|"):
                found.append(line)
                inside = of_streams = False
        return found

    def assert_quiet(self, *expected: str) -> None:
        """Check that nothing was raised in it but what the tests raise on purpose.

        Args:
            expected: how the last lines of those tracebacks may begin.
        """
        found = [one for one in self.tracebacks() if not one.startswith(expected)]
        assert not found, f"raised in the server: {found}"
        complaints = self.complaints()
        assert not complaints, complaints

    def complaints(self) -> list[str]:
        """Return the lines of its log by which asyncio or Python say that something was wrong."""
        wrong = re.compile(r"never (retrieved|awaited)|was destroyed|Warning:|ERROR asyncio")
        return [line for line in self.log.lines if wrong.search(line)]


@contextmanager
def uvicorn(
    app: str,
    *options: str,
    env: Mapping[str, str] | None = None,
    level: str = "info",
    python: Path | None = None,
) -> Iterator[Server]:
    """Serve `module:app` with uvicorn; stop it at the end of the block.

    Args:
        app: the application.
        options: more options of the command line.
        env: more variables of its environment.
        level: of uvicorn's own log.
        python: of another environment, see `environments.python_of`.
    """
    executable = sys.executable if python is None else str(python)
    command = [executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "0"]
    command += ["--log-config", str(LOG_CONFIG), "--log-level", level, "--no-access-log"]
    with running(Program([*command, *options], env=env)) as program:
        match = program.log.wait(r"Uvicorn running on https?://[^:]+:(\d+)", timeout=START_TIMEOUT)
        yield Server(program, int(match[1]))


@contextmanager
def hypercorn(app: str, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve `module:app` with hypercorn; stop it at the end of the block."""
    command = [sys.executable, "-m", "hypercorn", "--bind", "127.0.0.1:0", "--error-logfile", "-"]
    with running(Program([*command, *options, app], env=env)) as program:
        match = program.log.wait(r"Running on https?://[^:]+:(\d+)", timeout=START_TIMEOUT)
        yield Server(program, int(match[1]))
