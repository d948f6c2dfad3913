"""Sweeping: what dead processes left at the meeting place goes when nobody can ask for it any more.

Knows: when a process was first seen dead, how old claims of the dead get.
Must not know: links, requests, what this process does.

The clock is the system's monotonic one, which all processes of a machine share: the time of day may
jump. When a process was first seen dead stands in a mark, so that it counts whoever saw it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from byway.backplane.claims import owner_of_mark
from byway.backplane.life import Life, look
from byway.backplane.marks import Marks, marks_for
from byway.backplane.meeting import Meeting

PIECE: Final = 256
"""Claims looked at in one step: about a millisecond."""


class Sweep:
    """Sweeps a meeting place, a piece at a time."""

    def __init__(self, meeting: Meeting, name: str, age: float, marks: Marks | None = None) -> None:
        """Sweep for the process of this name.

        Args:
            meeting: the place.
            name: of this process, which is never swept.
            age: seconds that claims of a dead process stay after it was first seen dead.
            marks: what makes marks; by default what fits the system.
        """
        self._meeting = meeting
        self._name = name
        self._age = age
        self._marks = marks or marks_for(name)
        self._first = True

    def steps(self, now: float) -> Iterator[None]:
        """Sweep once: each step does a piece. Whatever others remove meanwhile is no error.

        Args:
            now: the system's monotonic time, in seconds.
        """
        with suppress(OSError):
            names = self._meeting.names() - {self._name}
            doomed = {one for one in names if self._is_doomed(one, now)}
            if doomed or self._first:
                # The first one also finds claims of processes of which nothing else is left.
                yield from self._sweep_claims(names | {self._name}, doomed, now)
            self._first = False
            for one in doomed:
                self._remove(one)

    def _is_doomed(self, name: str, now: float) -> bool:
        """Say whether a process has been dead for long, and note when it was first seen dead."""
        life = look(self._meeting.lock(name))
        death = str(self._meeting.death(name))
        if life in (Life.LIVES, Life.UNKNOWN):
            if life is Life.LIVES:
                self._marks.remove(death)
            return False
        if self._marks.put(death, f"{now:.0f}"):
            return False
        try:
            since = float(self._marks.read(death) or now)
        except ValueError:
            since = now + 1
        if since > now:  # of before the machine was started
            self._marks.change(death, f"{now:.0f}")
            return False
        return now - since >= self._age

    def _sweep_claims(self, known: set[str], doomed: set[str], now: float) -> Iterator[None]:
        with os.scandir(self._meeting.claims) as entries:
            for count, entry in enumerate(entries, 1):
                owner = ""
                if entry.name.startswith("."):  # made and not finished
                    owner = owner_of_mark(entry.name[1:])
                else:
                    with suppress(OSError):
                        owner = owner_of_mark(self._marks.read(entry.path) or "")
                if owner in doomed:
                    self._marks.remove(entry.path)
                elif owner and owner not in known:
                    known.add(owner)
                    self._is_doomed(owner, now)
                if count % PIECE == 0:
                    yield

    def _remove(self, name: str) -> None:
        """Remove what is left of a process, unless it lives after all."""
        if look(self._meeting.lock(name)) in (Life.ENDED, Life.MISSING):
            for path in (
                self._meeting.door(name),
                self._meeting.death(name),
                self._meeting.lock(name),
            ):
                path.unlink(missing_ok=True)


def leave(meeting: Meeting, name: str) -> None:
    """Empty a meeting place whose last process leaves; nobody else may be there, or be joining.

    The locks stay. They say that their processes have ended to whoever serves next: a worker in the
    place of this one, or the server when it is started again.

    Args:
        meeting: the place.
        name: of this process, whose lock may still be held.

    Raises:
        OSError: it cannot be read.
    """
    with meeting.held() as alone:
        if not alone or somebody_lives(meeting, besides=name):
            return
        for entry in [*os.scandir(meeting.claims), *os.scandir(meeting.path)]:
            if entry.is_symlink() or not entry.name.endswith(".lock"):
                with suppress(OSError):
                    os.unlink(entry.path)


def somebody_lives(meeting: Meeting, besides: str = "") -> bool:
    """Say whether a process at a meeting place may live.

    Raises:
        OSError: it cannot be read.
    """
    lives = (Life.LIVES, Life.UNKNOWN)
    return any(look(meeting.lock(one)) in lives for one in meeting.names() if one != besides)
