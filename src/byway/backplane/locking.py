"""Locks on open files, as each system has them.

Knows: `flock` of POSIX systems, `msvcrt.locking` of Windows.
Must not know: what is locked, and why.

The kernel lets a lock go when its process ends, however it ends. `flock` belongs to the open file:
a process sees its own locks too, where it opens the file again, which `lockf` does not show.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int) -> bool:
        """Lock an open file for this process alone; False where somebody else has it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def is_free(descriptor: int) -> bool:
        """Say whether nobody has the lock now."""
        if not lock(descriptor):
            return False
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        return True

    def open_directory(path: Path) -> int | None:
        """Return a directory opened, to lock it; None where that cannot be."""
        return None

else:
    import fcntl

    def lock(descriptor: int) -> bool:
        """Lock an open file for this process alone; False where somebody else has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_free(descriptor: int) -> bool:
        """Say whether nobody has the lock now. Many may ask at once."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return True

    def open_directory(path: Path) -> int | None:
        """Return a directory opened, to lock it; None where that cannot be."""
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
