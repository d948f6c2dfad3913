"""How processes share a run of the tests (pytest-xdist): what stays together, what is alone.

Knows: the folders of the tests, which of them share what is dear to start, which take long.
Must not know: what is tested.

By the marks of `--dist loadgroup` the names of tests would change, and `--last-failed` find none of
them.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/proxies/",)
"""Folders that one process runs whole: their files share programs, and a table of what was seen."""

ALONE = ("tests/doctor/test_profiles.py",)
"""Files for which all other processes wait: they test how it is judged what is slow."""

LONGEST = (*ALONE, "tests/proxies/", "tests/matrix/", "tests/browser/", "tests/contract/")
"""What begins first, so that no process is left with it alone at the end."""


def unit(nodeid: str) -> str:
    """Return what the test of this name stays together with: its folder or its file."""
    file = nodeid.partition("::")[0]
    return next((one for one in TOGETHER if file.startswith(one)), file)


def place(nodeid: str) -> int:
    """Return where a test stands in the queue; equals stand as they were collected."""
    return next((at for at, begin in enumerate(LONGEST) if nodeid.startswith(begin)), len(LONGEST))


class ByUnit(LoadScopeScheduling):
    """Gives a process one unit after another, in the order in which tests were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        """Keep that order: by default units with more tests begin earlier."""
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


class Room:
    """Which process has the machine: all of them, or the one that runs a file of `ALONE`.

    Each test is in the room; a file of `ALONE` from its first test to its last. It is entered
    through a gate, so that whoever wants to be alone gets it as soon as those inside have left.
    """

    def __init__(self, folder: Path) -> None:
        """Use two files in a folder of the whole run."""
        self._gate, self._room = folder / "gate.lock", folder / "room.lock"
        self._inside: ExitStack | None = None

    def enter(self, nodeid: str) -> None:
        """Wait until a test may run."""
        if self._inside is not None:
            return
        self._inside = ExitStack()
        alone = nodeid.startswith(ALONE)
        with ExitStack() as gate:
            _lock(gate, self._gate, fcntl.LOCK_EX)
            _lock(self._inside, self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)

    def leave(self, nodeid: str, following: str) -> None:
        """Let others in, unless the next test is of the same file, and that is alone."""
        stays = nodeid.startswith(ALONE) and unit(nodeid) == unit(following)
        if not stays and self._inside is not None:
            self._inside.close()
            self._inside = None


def _lock(stack: ExitStack, path: Path, how: int) -> None:
    file = stack.enter_context(path.open("a"))
    fcntl.flock(file, how)
