"""Claims: which process may run the handler for a key, as marks in a directory.

Knows: marks, the hashes of keys, what became of this process' own claims.
Must not know: who is alive, links, time but as a number.

A mark is made by the first who claims a key, and says its name. It is never taken over. Its name is
a hash of the key's hash, so neither the key nor what it is looked up by stands in a path.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Final

from byway.backplane.base import Claim, Unavailable
from byway.backplane.counts import Counts
from byway.backplane.marks import Marks, marks_for
from byway.backplane.meeting import is_name
from byway.limits import ServerLimits

logger: logging.Logger = logging.getLogger("byway.backplane")

HASH: Final = 16
"""Bytes of the hash that names a mark."""

AT_ONCE: Final = 1_000
"""Claims that the directory is told again with one `tick`: some ten milliseconds."""

_NAME: Final = 8
_TRIES: Final = 4


class State(Enum):
    """What a mark says behind the name of its process."""

    LIVE = ""
    REFUSED = ".refused"
    ENDED = ".ended"


class Claims:
    """The claims of this process among those of its siblings.

    It remembers its own, so what happens to the directory changes nothing for its sessions.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        limits: ServerLimits,
        *,
        counts: Counts | None = None,
        marks: Marks | None = None,
    ) -> None:
        """Claim in a directory.

        Args:
            directory: of the marks; it is made by others.
            name: of this process.
            limits: how long, and how many, ended sessions are remembered.
            counts: where conflicts are counted.
            marks: what makes marks; by default what fits the system.
        """
        self._directory = str(directory)
        self._name = name
        self._limits = limits
        self._marks = marks or marks_for(name)
        self._counts = counts or Counts()
        self._own: dict[bytes, State] = {}
        # Of those that ended: when, and the hash. Refused ones become ended ones in time.
        self._refused: deque[tuple[float, bytes]] = deque()
        self._ended: deque[tuple[float, bytes]] = deque()
        self._untold: dict[bytes, None] = {}  # the directory does not have these as they are
        self._complained = False

    def __len__(self) -> int:
        """How many claims of its own it remembers, of ended sessions too."""
        return len(self._own)

    @property
    def untold(self) -> int:
        """How many claims the directory has still to be told of."""
        return len(self._untold)

    def claim(self, digest: bytes) -> Claim:
        """Claim a key, or say whose it is.

        Raises:
            Unavailable: the directory cannot be written or read.
        """
        key = _hash(digest)
        if (state := self._own.get(key)) is not None:
            return self._said(self._name, state)
        path = self._path(key)
        try:
            for _ in range(_TRIES):
                if self._marks.put(path, self._name):
                    self._own[key] = State.LIVE
                    self._complained = False
                    return self._said(self._name, State.LIVE)
                if (text := self._marks.read(path)) is not None:
                    return self._said(*_parse(text))
                # Its owner gave it back in between.
        except (OSError, ValueError) as error:
            self._complain(error)
            raise Unavailable(f"claims cannot be made: {error}") from None
        raise Unavailable("a claim comes and goes")

    def release(self, digest: bytes) -> None:
        """Give back a claim of this process."""
        key = _hash(digest)
        if self._own.get(key) is State.LIVE:
            del self._own[key]
            self._tell(key)

    def ended(self, digest: bytes, now: float, *, refused: bool = False) -> None:
        """Say that the session of a claim of this process has ended.

        Args:
            digest: the hash of its key.
            now: the time, in seconds.
            refused: it was refused, and this process still knows how.
        """
        key = _hash(digest)
        if self._own.get(key) is not State.LIVE:
            return
        self._own[key] = State.REFUSED if refused else State.ENDED
        (self._refused if refused else self._ended).append((now, key))
        self._tell(key)
        self._forget(now)

    def tick(self, now: float) -> None:
        """Forget what is old, and tell the directory what it does not have. Call it each second."""
        self._forget(now)
        for key in list(islice(self._untold, AT_ONCE)):
            if not self._tell(key):
                break  # the next one will not go better

    def assert_all(self) -> None:
        """Tell the directory all claims again, as it was made anew: some each `tick`."""
        self._untold.update(dict.fromkeys(self._own))

    def _forget(self, now: float) -> None:
        limits = self._limits
        for key in _too_old(self._refused, now - limits.refusal_age, limits.refusals):
            self._own[key] = State.ENDED
            self._ended.append((now, key))
            self._tell(key)
        for key in _too_old(self._ended, now - limits.tombstone_age, limits.tombstones):
            del self._own[key]
            self._tell(key)

    def _tell(self, key: bytes) -> bool:
        """Bring a mark to what is known here; if that fails, again with the next `tick`."""
        path, state = self._path(key), self._own.get(key)
        try:
            found = self._marks.read(path)
            if found is not None and not found.startswith(self._name):
                if state is not None:
                    # Only where the directory was lost, and another claimed before we told again.
                    self._counts.conflicts += 1
                    logger.warning("a claim of this process has been made by %s too", found[:_NAME])
            elif state is None:
                if found is not None:
                    self._marks.remove(path)
            elif found is None:
                self._marks.put(path, self._name + state.value)
            elif found != self._name + state.value:
                self._marks.change(path, self._name + state.value)
        except (OSError, ValueError) as error:
            self._untold[key] = None
            self._complain(error)
            return False
        self._untold.pop(key, None)
        return True

    def _said(self, owner: str, state: State) -> Claim:
        if state is State.ENDED:
            self._counts.ended += 1
            return Claim("", ended=True)
        if state is State.REFUSED:
            self._counts.ended += 1
            return Claim(owner, ended=True)
        if owner == self._name:
            self._counts.mine += 1
        else:
            self._counts.owned += 1
        return Claim(owner)

    def _path(self, key: bytes) -> str:
        return os.path.join(self._directory, key.hex())

    def _complain(self, error: Exception) -> None:
        """Log once what users notice: openings get 503 until it is over."""
        self._counts.unavailable += 1
        if not self._complained:
            self._complained = True
            logger.error(
                "cannot claim sessions in %s: %s. New sessions get 503 until it is writable",
                self._directory,
                error,
            )


def _too_old(queue: deque[tuple[float, bytes]], before: float, most: int) -> Iterator[bytes]:
    """Take out of a queue what is too old, and the oldest of what is too much."""
    while queue and (queue[0][0] <= before or len(queue) > most):
        yield queue.popleft()[1]


def owner_of_mark(text: str) -> str:
    """Return the name of the process that a mark names; "" where it names none."""
    return text[:_NAME] if is_name(text[:_NAME]) else ""


def _hash(digest: bytes) -> bytes:
    return hashlib.sha256(digest).digest()[:HASH]


def _parse(text: str) -> tuple[str, State]:
    """Read a mark.

    Raises:
        ValueError: it is none of ours.
    """
    owner = owner_of_mark(text)
    if not owner:
        raise ValueError("a claim names no process")
    return owner, State(text[_NAME:])
