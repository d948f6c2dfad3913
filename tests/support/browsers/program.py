"""A browser's process: in a home folder of its own, and gone with all its children at the end.

Knows: processes, and where a browser keeps what it remembers.
Must not know: which browser it is.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import Program, running

GONE_TIMEOUT = 5.0
"""Seconds that a browser's children may take to follow it."""


@contextmanager
def browser_program(
    command: Callable[[Path], Sequence[str | Path]], env: Mapping[str, str] | None = None
) -> Iterator[tuple[Program, Path]]:
    """Start a browser in a new folder, its home; stop it at the end and remove the folder.

    Args:
        command: called with the folder, returns what to start.
        env: more variables of its environment.
    """
    with tempfile.TemporaryDirectory(prefix="byway-browser-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            with running(
                Program(command(folder), env={**_environment(folder), **(env or {})})
            ) as program:
                yield program, folder
        finally:
            _end_what_is_left(folder)


def processes_of(folder: Path) -> list[int]:
    """Return the ids of the processes that have this folder for their home."""
    wanted = f"HOME={folder}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if wanted in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


def _environment(folder: Path) -> dict[str, str]:
    """Return what keeps a browser in its folder, away from the desktop of who runs tests."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_RUNTIME_DIR": str(runtime),
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "LANG": "C.UTF-8",
        "LANGUAGE": "en",
    }


def _end_what_is_left(folder: Path) -> None:
    """Wait until the children of a browser have ended as well, or end them."""
    deadline = time.monotonic() + GONE_TIMEOUT
    while left := processes_of(folder):
        if time.monotonic() > deadline:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it ended by itself after all
            return
        time.sleep(0.02)  # they are not our children, nothing tells: look again
