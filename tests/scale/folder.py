"""The folder in which the workers of one server meet: locks, doors and claims as files.

Knows: files, what the kernel says of a lock, who removes files that are not his.
Must not know: calls, links, sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from tests.scale.directory import Decided, Opening
from tests.scale.figures import MEND, REFUSAL, WINDOW
from tests.scale.flaws import Flaw
from tests.scale.redis import Kept, State
from tests.scale.world import World

if TYPE_CHECKING:
    from tests.scale.process import Process

Lock: TypeAlias = Literal["held", "free", "missing"]


class Folder:
    """All files. What is done with one is done at once, and nobody waits."""

    def __init__(self, world: World) -> None:
        """Start empty."""
        self.world = world
        self.locks: dict[str, Process] = {}
        self.doors: set[str] = set()
        self.claims: dict[str, Kept] = {}
        self._children: dict[str, float] = {}

    def lock(self, name: str) -> Lock:
        """Ask the kernel."""
        holder = self.locks.get(name)
        if holder is None:
            return "missing"
        if holder.alive:
            return "held"
        if self.world.without(Flaw.KEPT_LOCK) and self.world.now < holder.died + 120.0:
            return "held"
        return "free"

    def clean(self) -> None:
        """Lose all files: a session manager, or somebody who tidies up."""
        self.locks.clear()
        self.doors.clear()
        self.claims.clear()
        self.world.lost_at = self.world.now


class Sibling:
    """The part of one process."""

    def __init__(self, process: Process, folder: Folder) -> None:
        """Know nothing yet."""
        self.process = process
        self.folder = folder
        self.world = process.world
        self.told: float = 0.0  # in the second before, a lost claim may be given again
        self._claims: dict[str, Kept] = {}
        self._missing: dict[str, float] = {}

    def start(self) -> None:
        """Lock, open the door, and look after both from now on."""
        folder, name = self.folder, self.process.name
        folder.locks[name] = self.process
        folder.doors.add(name)
        if self.world.without(Flaw.UNMENDED):
            return
        for key, kept in self._claims.items():
            folder.claims.setdefault(key, kept)
        self.told = self.world.now
        self.process.step(MEND, self.start)

    def claim(self, opening: Opening, decided: Callable[[Decided], object]) -> None:
        """Make a link, or read the one that is there."""
        folder, name = self.folder, self.process.name
        mine = Kept(name, 0, "live", 0.0)
        found = folder.claims.setdefault(opening.key, mine)
        if self.world.without(Flaw.TAKEOVER) and folder.lock(found.owner) == "free":
            found = folder.claims[opening.key] = mine
        state = found.state
        if state == "refused" and found.refused_until < self.world.now:
            state = "ended"
        decided(Decided(found.owner, state))

    def opened(self, key: str) -> None:
        """Make it anew from now on where it was removed."""
        self._claims[key] = self.folder.claims[key]

    def release(self, key: str) -> None:
        """Remove the link, if it is this process' own."""
        found = self.folder.claims.get(key)
        if found is not None and found.owner == self.process.name and found.state == "live":
            del self.folder.claims[key]

    def ended(self, key: str, *, refused: bool) -> None:
        """Write it into the claim."""
        if self.world.without(Flaw.NO_TOMB):
            self._claims.pop(key, None)
            return
        named = refused and not self.world.without(Flaw.NO_REFUSAL)
        state: State = "refused" if named else "ended"
        until = self.world.now + REFUSAL
        kept = Kept(self.process.name, 0, state, 0.0, until)
        self._claims[key] = kept
        found = self.folder.claims.get(key)
        if found is None or found.owner == self.process.name:
            self.folder.claims[key] = kept

    def has_ended(self, key: str) -> bool:
        """Know it from the folder alone."""
        return False

    def heard(self, owner: str) -> None:
        """Know that its lock was there."""
        self._missing.pop(owner, None)

    def door(self, owner: str) -> bool:
        """Look for the socket."""
        return owner in self.folder.doors

    def gone(self, owner: str, refused: bool, told: Callable[[bool, str], object]) -> None:
        """Ask the kernel, which knows at once and truly."""
        lock = self.folder.lock(owner)
        if lock != "missing":
            self._missing.pop(owner, None)
            told(lock == "free", f"its lock is {lock}")
            return
        since = self._missing.setdefault(owner, self.world.now)
        long = self.world.without(Flaw.MISSING_LOCK) or self.world.now - since > WINDOW
        told(long, "its lock is missing")
