"""The servers that are measured: uvicorn with byway, with and without a backplane; Redis.

Knows: how each is started.
Must not know: what is measured.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.several.machine import family
from byway.demo.processes import free_port, started

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """A server that accepts connections.

    Attributes:
        port: where, on 127.0.0.1.
        pid: of its process; of several workers, of their parent.
    """

    port: int
    pid: int

    @property
    def pids(self) -> list[int]:
        """Its process and its workers."""
        return family(self.pid)


@asynccontextmanager
async def uvicorn(folder: Path, backplane: str = "", *, workers: int = 1) -> AsyncIterator[Server]:
    """Serve the application that is measured.

    Args:
        folder: where it runs.
        backplane: what BYWAY_BACKPLANE says; "" for nothing.
        workers: how many processes share the port.
    """
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.applications:wrapped"),
        *("--app-dir", str(ROOT), "--port", str(port), "--log-level", "warning"),
        *("--workers", str(workers)),
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("BYWAY_")}
    async with started(command, port, folder, env={**env, **_said(backplane)}) as pid:
        yield Server(port, pid)


def _said(backplane: str) -> Mapping[str, str]:
    return {"BYWAY_BACKPLANE": backplane} if backplane else {}


def find_redis() -> str | None:
    """Return the path of a Redis server, or of Valkey's; None without one."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


@asynccontextmanager
async def redis(program: str, folder: Path) -> AsyncIterator[Server]:
    """Run a Redis that keeps nothing."""
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    async with started(command, port, folder) as pid:
        yield Server(port, pid)
