"""Elsewhere: meeting places of other servers of this user, and of this one before its start.

Knows: where they are, whose they have to be.
Must not know: links, claims, requests.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from byway.backplane.life import Life, look
from byway.backplane.meeting import Meeting, is_ours
from byway.backplane.siblings import PREFIX
from byway.backplane.sweep import somebody_lives

MOST: Final = 64
"""Places that are looked at, or removed, at a time."""


def places(bases: Iterable[Path]) -> Iterator[Path]:
    """Yield the places of this user: it looks through directories that may hold much else.

    Args:
        bases: where places may be.
    """
    for base in bases:
        yield from _places(base)


def ended_at(name: str, there: Iterable[Path]) -> bool:
    """Say whether the lock of a process is at a place, and free: it has ended, and surely so.

    Args:
        name: of the process.
        there: the places.
    """
    return any(look(Meeting(path).lock(name)) is Life.ENDED for path in there)


def remove_old_places(base: Path, age: float) -> int:
    """Remove meeting places of this user in which nobody has lived for a while.

    Args:
        base: where they are.
        age: seconds for which nothing was made or removed there.

    Returns:
        How many were removed.
    """
    removed = 0
    for path in _places(base, before=time.time() - age):
        meeting = Meeting(path)
        with suppress(OSError), meeting.held() as alone:
            if alone and not somebody_lives(meeting):
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
    return removed


def _places(base: Path, *, before: float = float("inf")) -> Iterator[Path]:
    """Yield places of this user into which nobody else can reach, changed before a time."""
    count = 0
    with suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX):
                continue
            found = entry.stat(follow_symlinks=False)
            private = os.name == "nt" or not found.st_mode & 0o077
            if (
                stat.S_ISDIR(found.st_mode)
                and is_ours(found)
                and private
                and found.st_mtime < before
            ):
                yield Path(entry.path)
                count += 1
                if count == MOST:
                    return
