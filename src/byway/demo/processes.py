"""The processes of the demonstration: a real uvicorn, and a real nginx before it.

Knows: how each is started on a free loopback port, waited for and stopped.
Must not know: what is sent through them.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

START_TIMEOUT = 20.0
"""Seconds that a process may take until it accepts connections."""

STOP_TIMEOUT = 5.0
"""Seconds that a process may take to stop before it is killed."""

WORKERS = 4
"""Workers of the server that shows several."""


class ProcessFailed(Exception):
    """A process did not start; the message holds what it said."""


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_nginx() -> str | None:
    """Return the path of nginx, which Debian keeps off most users' PATH; None without one."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def running(command: Sequence[str], port: int, cwd: Path) -> AsyncIterator[None]:
    """Run a process while the block runs, see `started`."""
    async with started(command, port, cwd):
        yield


@asynccontextmanager
async def started(
    command: Sequence[str], port: int, cwd: Path, *, env: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Run a process while the block runs, and give its pid once it accepts connections.

    Args:
        command: what is run.
        port: where it will accept connections, on 127.0.0.1.
        cwd: where it runs.
        env: its environment; None for this process' own.

    Raises:
        ProcessFailed: it ended, or accepted nothing in time.
    """
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in a terminal reaches the whole foreground group; this one is stopped below.
            start_new_session=True,
        )
        try:
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    await _accepting(process, port)
            except (TimeoutError, ProcessFailed) as error:
                log.seek(0)
                said = log.read().decode(errors="replace").strip()
                raise ProcessFailed(f"{command[0]} did not start ({error}): {said}") from None
            yield process.pid
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(STOP_TIMEOUT):
                        await process.wait()
                except (TimeoutError, asyncio.CancelledError) as error:
                    process.kill()
                    await process.wait()
                    if isinstance(error, asyncio.CancelledError):
                        raise


async def _accepting(process: asyncio.subprocess.Process, port: int) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)  # nothing tells when another process begins to listen
            continue
        writer.close()
        return
    raise ProcessFailed(f"it ended with status {process.returncode}")


@asynccontextmanager
async def uvicorn(*, workers: int = 1) -> AsyncIterator[int]:
    """Serve the demonstration's application with uvicorn; give the port."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "byway.demo.application:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--timeout-graceful-shutdown",
        "3",
        "--workers",
        str(workers),
    ]
    with tempfile.TemporaryDirectory(prefix="byway-demo-") as folder:
        async with running(command, port, Path(folder)):
            yield port


@asynccontextmanager
async def nginx(program: str, origin: int) -> AsyncIterator[int]:
    """Put nginx, with a plain `proxy_pass`, before a server; give its port."""
    port = free_port()
    template = resources.files("byway.demo").joinpath("nginx.conf").read_text()
    config = template.replace("@LISTEN@", str(port)).replace("@ORIGIN@", str(origin))
    with tempfile.TemporaryDirectory(prefix="byway-demo-") as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(config)
        command = [program, "-p", name, "-c", str(folder / "nginx.conf"), "-e", "stderr"]
        async with running(command, port, folder):
            yield port
