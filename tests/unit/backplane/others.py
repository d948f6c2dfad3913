"""Other processes, made by a fork, that do something and say how it went.

Knows: forks, pipes, users.
Must not know: what is done.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

NOBODY = 65534
"""A user of the machine who is not the one that runs the tests."""


def in_child(do: Callable[[], object], *, uid: int | None = None) -> str:
    """Do something in a forked child, as another user if wanted; return what it returned."""
    return at_once([do], uid=uid)[0]


def at_once(many: Sequence[Callable[[], object]], *, uid: int | None = None) -> list[str]:
    """Do several things in as many forked children, which all begin at the same moment.

    Returns:
        What each returned as a text, or the name of what it raised.
    """
    gun, hold = os.pipe()  # who reads it sees its end when all may begin
    children: list[tuple[int, int]] = []
    for do in many:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(hold)
            os.close(reading)
            os.read(gun, 1)
            _finish(do, writing, uid)
        os.close(writing)
        children.append((pid, reading))
    os.close(gun)
    os.close(hold)
    said: list[str] = []
    for pid, reading in children:
        with os.fdopen(reading, "rb") as file:
            said.append(file.read().decode())
        os.waitpid(pid, 0)
    return said


@contextmanager
def living(do: Callable[[], object]) -> Iterator[int]:
    """Do something in a forked child that lives on until it is killed; give its pid."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        kept = None
        try:
            kept = do()
            os.write(writing, b"!")
            while True:
                signal.pause()
        finally:
            del kept
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"!", "the child failed before it was ready"
        yield pid
    finally:
        os.close(reading)
        kill(pid)


def kill(pid: int) -> None:
    """Kill a child (SIGKILL) and wait until it is gone. Once more does nothing."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _finish(do: Callable[[], object], writing: int, uid: int | None) -> NoReturn:
    try:
        if uid is not None:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        said = str(do()).encode()
        while said:
            said = said[os.write(writing, said) :]
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        os.write(writing, type(error).__name__.encode())
    finally:
        os._exit(0)
