"""Ends a run of the tests that is interrupted (Ctrl-C): within seconds, with all that it started.

Knows: the processes below this one, and the mark by which one is known that has left its parents.
Must not know: what is tested.

Without it, asyncio turns the interrupt into the cancellation of a test's task, which is one failed
test; and what tests start in sessions of their own outlives the worker that started it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

GRACE = 2.0
"""Seconds for tests and fixtures to end what they have started; what is left then is killed."""

MARK = "TESTS_RUN"
"""Variable of the environment that all processes of a run inherit."""

POLL = 0.1
"""Seconds between two looks at the processes that are left."""

_OWNER = MARK not in os.environ
if _OWNER:
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"

_reaper: threading.Thread | None = None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# Not `default_int_handler`, in whose place alone `asyncio.Runner` puts its own; nor SIG_IGN, as
# where a shell has started the run in the background: programs that tests start would inherit it.
signal.signal(signal.SIGINT, _interrupt)


def pytest_keyboard_interrupt() -> None:
    """Give the run its grace. pytest calls this before it finishes the fixtures and workers."""
    global _reaper
    if _OWNER and _reaper is None:
        _reaper = threading.Thread(target=_reap, daemon=True)
        _reaper.start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Wait until nothing is left."""
    if _reaper is not None:
        _reaper.join()


def _reap() -> None:
    """Kill what is still there after the grace, and what it starts meanwhile."""
    deadline = time.monotonic() + GRACE
    while left := processes():
        if time.monotonic() >= deadline:
            for one in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(one, signal.SIGKILL)
        if time.monotonic() >= deadline + GRACE:
            return  # stuck in the kernel, or another user's
        time.sleep(POLL)


def processes() -> set[int]:
    """Return the ids of the other processes of this run, on Linux; elsewhere nobody tells."""
    mark = f"\0{MARK}={os.environ[MARK]}\0".encode()
    below: dict[int, list[int]] = {}
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # After the name in brackets, which may hold anything, come the state and the parent.
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            below.setdefault(int(parent), []).append(int(folder.name))
            if mark in b"\0" + (folder / "environ").read_bytes():
                found.add(int(folder.name))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    queue = [os.getpid(), *found]
    while queue:
        children = below.pop(queue.pop(), [])
        found.update(children)
        queue += children
    return found - {os.getpid()}
