"""No backplane: one process, or several that share nothing.

Knows: that every claim is this process' own.
Must not know: other processes.
"""

from __future__ import annotations

from byway.backplane.base import Backplane, Claim, Link, ServeCall, Unreachable


class NoBackplane(Backplane):
    """What a process has that serves alone. Nothing in it is ever awaited."""

    alone: bool = True

    def __init__(self, name: str) -> None:
        """Belong to the process of this name."""
        self.name: str = name
        self._mine = Claim(name)

    async def start(self, serve: ServeCall) -> None:
        """Do nothing: nobody calls."""

    def claim(self, digest: bytes) -> Claim:
        """Return a claim of this process."""
        return self._mine

    def release(self, digest: bytes) -> None:
        """Do nothing."""

    def ended(self, digest: bytes, *, refused: bool = False) -> None:
        """Do nothing: the registry remembers its own ended sessions."""

    async def link(self, owner: str) -> Link:
        """Refuse: no other process is known.

        Raises:
            Unreachable: always.
        """
        raise Unreachable(f"no other process is known here, so {owner} is not either")

    async def aclose(self) -> None:
        """Do nothing."""
