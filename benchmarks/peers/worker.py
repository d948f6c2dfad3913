"""A process that answers a line of JSON with a line of JSON.

Knows: how it is started, asked, and stopped by its pid in every case.
Must not know: what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout, in which every process runs."""

STOP_TIMEOUT = 5.0
"""Seconds that a process may take to stop before it is killed."""


class WorkerFailed(Exception):
    """A process ended, or answered nothing in time; the message holds what it said."""


class Worker:
    """A running process; one question at a time."""

    def __init__(self, name: str, process: Process, log: IO[bytes]) -> None:
        """Wrap a started process."""
        self._name = name
        self._process = process
        self._log = log
        self._lock = asyncio.Lock()

    async def ask(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        """Write a line and return the answer.

        Args:
            question: what is asked.
            limit: seconds that the answer may take.

        Raises:
            WorkerFailed: there was none.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._lock:
            try:
                async with asyncio.timeout(limit):
                    stdin.write(json.dumps(question).encode() + b"\n")
                    await stdin.drain()
                    line = await stdout.readline()
                answer: dict[str, Any] = json.loads(line)
            except (TimeoutError, OSError, ValueError) as error:
                self._log.seek(0)
                said = self._log.read()[-2000:].decode(errors="replace").strip()
                raise WorkerFailed(
                    f"{self._name}: no response ({error!r}); it said: {said}"
                ) from None
            return answer


@contextlib.asynccontextmanager
async def worker(name: str, command: Sequence[str]) -> AsyncIterator[Worker]:
    """Run a process while the block runs."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=clean_environment(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            # Ctrl-C in a terminal reaches the whole foreground group; this one is stopped below.
            start_new_session=True,
        )
        try:
            yield Worker(name, process, log)
        finally:
            await _stop(process)


async def _stop(process: Process) -> None:
    """Ask a process to end, and kill it where it does not, or where there is no time to wait."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change how a client connects."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("BYWAY_")
    }
