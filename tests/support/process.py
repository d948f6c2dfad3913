"""Programs that tests run: started, waited for by what they log, and stopped by their pid.

Knows: processes, their output, free ports.
Must not know: what any program is for.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

START_TIMEOUT = 20.0
"""Seconds that a program may take until it serves."""

STOP_TIMEOUT = 10.0
"""Seconds that a program may take to stop."""

_PATHS = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:{sys.prefix}/proxies/bin"
"""Where programs are: Debian keeps servers in /usr/sbin, `make proxy-parts` puts some there."""


class Log:
    """The lines that a program has written, and a way to wait for one."""

    def __init__(self) -> None:
        """Start empty."""
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False

    def fill_from(self, stream: IO[str]) -> None:
        """Read lines until the stream ends; runs in a thread of its own."""
        for line in stream:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def lines(self) -> list[str]:
        """The lines so far."""
        with self._changed:
            return list(self._lines)

    def mark(self) -> int:
        """Return a place in the log, for `wait` and `since`."""
        with self._changed:
            return len(self._lines)

    def since(self, mark: int) -> list[str]:
        """Return the lines from a place on."""
        return self.lines[mark:]

    def wait(self, pattern: str, *, since: int = 0, timeout: float = 10.0) -> re.Match[str]:
        """Wait for a line in which the pattern is found.

        Raises:
            AssertionError: it did not come in time, or the program ended before.
        """
        deadline = time.monotonic() + timeout
        wanted = re.compile(pattern)
        position = since
        with self._changed:
            while True:
                while position < len(self._lines):
                    if match := wanted.search(self._lines[position]):
                        return match
                    position += 1
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the program ended" if self._ended else f"not within {timeout:g} s"
                    tail = "\n".join(self._lines[-40:])
                    raise AssertionError(f"no line with {pattern!r} ({why}); the log ends:\n{tail}")
                self._changed.wait(left)

    async def seen(self, pattern: str, *, since: int = 0, timeout: float = 10.0) -> re.Match[str]:
        """Wait as `wait` does, without blocking the event loop."""
        return await asyncio.to_thread(self.wait, pattern, since=since, timeout=timeout)


class Program:
    """A running program.

    Attributes:
        process: the process.
        log: what it has written to standard error and output.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        """Start it."""
        self.log = Log()
        self.process = subprocess.Popen(
            [str(one) for one in command],
            cwd=cwd,
            env={**_clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(
            target=self.log.fill_from, args=(self.process.stdout,), daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait until it has ended by itself; return its status."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL), with its children: Hypercorn serves in one."""
        children = _children(self.pid)
        self.process.kill()
        for one in children:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM), and do not wait."""
        self.process.terminate()

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Ask it to stop and wait until it has; return its status.

        Raises:
            AssertionError: it did not stop in time, and was killed.
        """
        self.terminate()
        try:
            status = self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            tail = "\n".join(self.log.lines[-40:])
            raise AssertionError(
                f"{self.process.args!r} did not stop within {timeout:g} s; its log ends:\n{tail}"
            ) from None
        finally:
            if self.process.stdout is not None and not self._reader.is_alive():
                self.process.stdout.close()
        return status


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """Stop a program at the end of the block, unless it has stopped already."""
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.stop()
        else:
            program.wait()
        if program.process.stdout is not None:
            program.process.stdout.close()


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started, on Linux; elsewhere nobody tells."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _clean_environment() -> dict[str, str]:
    """Return the environment without proxies, and with warnings that a program can see."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("BYWAY_")
    } | {"PYTHONUNBUFFERED": "1"}


def find_program(name: str) -> str:
    """Return the path of a system program.

    It skips the test where the program is missing, or fails it where BYWAY_REQUIRE_PARTS=1.
    """
    path = shutil.which(name, path=_PATHS)
    if path is None:
        part_is_missing(f"{name} is not installed (scripts/system-parts {name} installs it)")
    return path


def part_is_missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where BYWAY_REQUIRE_PARTS=1."""
    if os.environ.get("BYWAY_REQUIRE_PARTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of the loopback that is free now.

    Only for programs that cannot be told to choose one: somebody else may take it first, so
    start them in a loop that tries again.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_on_free_port(
    name: str,
    command: Callable[[int], Sequence[str | Path]],
    env: Mapping[str, str] | None = None,
) -> tuple[Program, int]:
    """Start a program that is told its port; return it and the port, once that takes connections.

    Args:
        name: of the program, for errors.
        command: the command line, given a port.
        env: more variables of the environment.
    """
    while True:
        port = free_port()
        program = Program(command(port), env=env)
        if wait_until_accepting(program, port, START_TIMEOUT):
            return program, port
        program.wait()
        log = "\n".join(program.log.lines)
        assert "in use" in log, f"{name} ended by itself:\n{log}"


def wait_until_accepting(program: Program, port: int, timeout: float = START_TIMEOUT) -> bool:
    """Wait until a port takes connections; False if the program ended instead.

    For programs that log nothing when they are ready.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if program.process.poll() is not None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            threading.Event().wait(0.02)  # nothing says when: ask again
    raise AssertionError(f"{program.process.args!r} takes no connections after {timeout:g} s")
