"""Owners: whether another process lives, and what follows where it does not.

Knows: locks, how long one may be missing, the links that were given out.
Must not know: how links are made, claims, requests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from byway.backplane.base import Gone, Unreachable
from byway.backplane.callers import Callers
from byway.backplane.counts import Counts
from byway.backplane.elsewhere import ended_at, places
from byway.backplane.life import Life, look
from byway.backplane.meeting import Meeting

logger: logging.Logger = logging.getLogger("byway.backplane")

LISTED: Final = 1.0
"""Seconds for which the list of other places is used: forged names must not cost one each."""

MISSED: Final = 1_000
"""Names without a lock that are remembered. One more, and the oldest counts as new again."""


class Owners:
    """Says whether processes live, and cuts the links to those that do not."""

    def __init__(
        self,
        meeting: Meeting,
        callers: Callers,
        window: float,
        counts: Counts,
        bases: Sequence[Path] = (),
    ) -> None:
        """Know nobody yet.

        Args:
            meeting: where their locks are.
            callers: where links to them are kept.
            window: seconds for which a lock may be missing before that means an end.
            counts: in which `gone` is counted.
            bases: where other places may be at which the lock is that is missing here.
        """
        self._meeting = meeting
        self._callers = callers
        self._window = window
        self._counts = counts
        self._bases = bases
        self._seen: set[str] = set()  # to live, since the last look
        self._missing: dict[str, tuple[float, float]] = {}  # since when, and when it was last asked
        self._places: list[Path] = []
        self._listed = float("-inf")  # when

    def check(self, owner: str) -> None:
        """Return where a process lives.

        Raises:
            Gone: it has ended.
            Unreachable: nobody can say.
        """
        life = look(self._meeting.lock(owner))
        if life is Life.LIVES:
            self._missing.pop(owner, None)
            self._seen.add(owner)
            return
        if life is Life.UNKNOWN:
            raise Unreachable(f"the lock of process {owner} cannot be read")
        if life is Life.MISSING and not self._was_missed(owner):
            raise Unreachable(f"process {owner} is not known here")
        self._counts.gone += 1
        self._bury(owner)
        raise Gone(f"process {owner} has ended")

    def live(self, owner: str) -> bool:
        """Say whether a process lives, as was seen since the last look; False where that is unsure.

        It is for links that are kept: the kernel closes them when the process ends, and the next
        look cuts those that a child of it keeps open.
        """
        if owner not in self._seen and look(self._meeting.lock(owner)) is Life.LIVES:
            self._seen.add(owner)
        return owner in self._seen

    def look(self) -> None:
        """Look whether the processes live to which there are links. Call it each second.

        A child of a process that is dead may keep the socket open behind it.
        """
        self._seen.clear()
        for owner in self._callers.peers():
            if look(self._meeting.lock(owner)) is Life.ENDED:
                self._bury(owner)

    def _was_missed(self, owner: str) -> bool:
        """Say whether a lock is missing for longer than its owner takes to make it anew.

        Or whether it is free at another place: its owner was a worker of this server before that
        was started again.
        """
        now = time.monotonic()
        since, last = self._missing.pop(owner, (now, now))
        if now - last > self._window / 2:
            since = now  # nobody has asked for long: it may have been there meanwhile
        self._missing[owner] = since, now
        if len(self._missing) > MISSED:
            del self._missing[next(iter(self._missing))]
        if now - self._listed >= LISTED:
            self._places, self._listed = list(places(self._bases)), now
        return ended_at(owner, self._places) or now - since >= self._window

    def _bury(self, owner: str) -> None:
        """Cut the links to a process that has ended."""
        self._seen.discard(owner)
        if self._callers.cut(owner):
            logger.warning("process %s has ended, and its sessions with it", owner)
