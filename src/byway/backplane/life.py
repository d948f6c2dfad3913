"""Life: a file that is locked while its process lives, so that the kernel says when it has ended.

Knows: files, their locks, forks.
Must not know: what a process does, links, claims.
"""

from __future__ import annotations

import os
import weakref
from enum import Enum, auto
from pathlib import Path

from byway.backplane.locking import is_free, lock

_RENAMES = os.name != "nt"
_OPEN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Life(Enum):
    """What a lock says of its process."""

    LIVES = auto()
    """It is held: the process lives, stopped or not."""

    ENDED = auto()
    """It is here, and free: the process has ended. Nothing else says so for sure."""

    MISSING = auto()
    """The file is not here. Somebody may have removed it from under a process that lives."""

    UNKNOWN = auto()
    """It cannot be read, for want of file descriptors or of rights."""


class Lock:
    """The lock of this process. A child that is forked lets go of it, or it would outlive us."""

    def __init__(self, path: Path) -> None:
        """Prepare to hold the file of this path."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Make the file, anew if it was held, and hold it.

        Nobody ever sees it free: it gets its name when it is held.

        Raises:
            OSError: it cannot be made or locked here.
        """
        # Windows does not rename what is open: there it is seen free for a moment.
        making = self._path.with_name(f".{self._path.stem}.lock") if _RENAMES else self._path
        descriptor = os.open(making, os.O_RDWR | os.O_CREAT | _OPEN, 0o600)
        try:
            if not lock(descriptor):
                raise OSError(f"{making} is locked by another process")
            if making != self._path:
                os.replace(making, self._path)
        except BaseException:
            os.close(descriptor)
            raise
        self.let_go()  # of a file that somebody removed
        self._descriptor = descriptor
        _held.add(self)

    def is_at(self, path: Path) -> bool:
        """Say whether this is the lock of a path."""
        return self._path == path

    def holds(self) -> bool:
        """Say whether the file is held, and still the one that others find under its name."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            return False

    def let_go(self) -> None:
        """Let it go. The file stays: it says that the process has ended."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)


def look(path: Path) -> Life:
    """Say what the lock of this path says of its process.

    Its own ones a process knows by itself: over NFS the kernel shows it those as free.
    """
    if any(one.is_at(path) and one.holds() for one in list(_held)):
        return Life.LIVES
    try:
        descriptor = os.open(path, os.O_RDWR | _OPEN)
    except FileNotFoundError:
        return Life.MISSING
    except OSError:
        return Life.UNKNOWN
    try:
        return Life.ENDED if is_free(descriptor) else Life.LIVES
    except OSError:
        return Life.UNKNOWN
    finally:
        os.close(descriptor)


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for one in list(_held):
        one.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
