"""The backplane of the workers of one server, or of servers on one machine that name a directory.

Knows: the meeting place and what is in it, links through doors there, when to look after it.
Must not know: requests, sessions, how siblings know of the place.

Everything is local: a claim takes some microseconds and nothing is awaited for it. That a process
has ended is seen at its lock, which the kernel lets go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from byway.backplane.base import (
    Backplane,
    Claim,
    Link,
    ServeCall,
    Unavailable,
    Unreachable,
)
from byway.backplane.callers import Callers, NotListening
from byway.backplane.claims import Claims
from byway.backplane.door import Door
from byway.backplane.elsewhere import remove_old_places
from byway.backplane.life import Life, Lock, look
from byway.backplane.marks import marks_for
from byway.backplane.meeting import Meeting, Unusable, is_name
from byway.backplane.owners import Owners
from byway.backplane.siblings import bases, siblings
from byway.backplane.sweep import Sweep, leave
from byway.errors import UsageError
from byway.keys import new_process_name
from byway.limits import ServerLimits

logger: logging.Logger = logging.getLogger("byway.backplane")

LOOK: Final = 1.0
"""Seconds between two looks at one's own lock and door, and at the owners of links in use."""

SWEEP: Final = 60.0
"""Seconds between two sweeps of the meeting place."""

PIECES: Final = 8
"""Pieces of a sweep that are done with one look."""

JOINING: Final = 100
"""How often joining waits for 10 ms while another process joins or leaves; then it joins anyway."""

TCP_DOORS = os.name == "nt"
"""Whether doors are ports of 127.0.0.1: asyncio has no Unix sockets on Windows."""


def has_siblings() -> bool:
    """Say whether a server that may have several workers started this process."""
    return siblings() is not None


class WorkersBackplane(Backplane):
    """Shares sessions among the workers of one server, or all that name the same directory."""

    alone: bool = False

    def __init__(
        self,
        name: str | None = None,
        *,
        directory: str | Path | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        """Prepare to join; nothing is made before `start`.

        Args:
            name: of this process; a new one by default.
            directory: where the processes meet. It is made with mode 0700; one that is there has to
                be this user's, and nobody else may be let into it. By default the workers of
                one server find a place by themselves; where they cannot have one, a warning
                says why and each is alone.
            limits: the bounds.
        """
        self.name: str = name or new_process_name()
        self._directory = Path(directory).absolute() if directory is not None else None
        self._limits = limits or ServerLimits()
        self._meeting: Meeting | None = None
        self._secrets: tuple[bytes, ...] = ()
        self._lock: Lock | None = None
        self._door: Door | None = None
        self._callers: Callers | None = None
        self._owners: Owners | None = None
        self._claims: Claims | None = None
        self._sweep: Sweep | None = None
        self._sweeping: Iterator[None] | None = None
        self._next_sweep = 0.0
        self._watching: asyncio.Task[None] | None = None
        self._complained = False

    @property
    def place(self) -> Path | None:
        """Where the processes meet; None before `start`, and where there is no place."""
        return self._meeting.path if self._meeting is not None else None

    async def processes(self) -> list[str]:
        """Return the names of the processes at the meeting place that live.

        Raises:
            Unavailable: it cannot be read.
        """
        if self.alone:
            return [self.name]
        meeting = self._found()
        try:
            names = sorted(meeting.names())
        except OSError as error:
            raise Unavailable(f"{meeting.path} cannot be read: {error.strerror}") from None
        return [one for one in names if look(meeting.lock(one)) is Life.LIVES]

    async def start(self, serve: ServeCall) -> None:
        """Join: open a door at the meeting place, and look after it from now on.

        Raises:
            UsageError: the directory that was named cannot be used.
        """
        try:
            self._meet()
            await self._join(serve)
        except (Unusable, OSError) as error:
            await self._undo()
            if self._directory is not None:
                raise UsageError(f"backplane: {error}") from None
            logger.warning(
                "the workers of this server cannot share sessions, so each of them serves alone: "
                "%s. With more than one worker give all of them a directory: backplane='unix:DIR'",
                error,
            )
            self.alone = True

    def claim(self, digest: bytes) -> Claim:
        """Claim a key; nothing is awaited.

        Raises:
            Unavailable: the directory cannot be written.
        """
        if self._claims is None:
            if self.alone:
                return Claim(self.name)
            raise Unavailable("the backplane has not started")
        return self._claims.claim(digest)

    def release(self, digest: bytes) -> None:
        """Give back a claim."""
        if self._claims is not None:
            self._claims.release(digest)

    def ended(self, digest: bytes, *, refused: bool = False) -> None:
        """Say that a claimed session has ended."""
        if self._claims is not None:
            self._claims.ended(digest, time.monotonic(), refused=refused)

    async def link(self, owner: str) -> Link:
        """Return a link to another process.

        Raises:
            Gone: its lock is free, or was missing for `ServerLimits.window`.
            Unreachable: its lock is missing, or its door does not open, or this process has all
                the links that it may have.
        """
        if self.alone or owner == self.name or not is_name(owner):
            raise Unreachable(f"no other process is known by the name {owner!a:.40}")
        meeting = self._found()
        owners, callers = self._owners, self._callers
        assert owners is not None
        assert callers is not None
        owners.check(owner)
        try:
            return await callers.link(owner, self._address(meeting, owner))
        except NotListening:
            owners.check(owner)  # it may have ended just now
            raise

    def kept(self, owner: str) -> Link | None:
        """Return a link that was kept, see `Backplane.kept`."""
        owners, callers = self._owners, self._callers
        if owners is None or callers is None or not is_name(owner) or not owners.live(owner):
            return None
        return callers.kept(owner)

    async def aclose(self) -> None:
        """Leave: let go of the lock, at which the others see that this process has ended."""
        started = self._lock is not None
        if self._claims is not None:
            self._claims.tick(time.monotonic())
        await self._undo()
        if started and self._directory is None and self._meeting is not None:
            with contextlib.suppress(OSError):
                leave(self._meeting, self.name)

    # Joining and leaving

    def _found(self) -> Meeting:
        """Return the meeting place, also where this process has not joined.

        Raises:
            Unavailable: there is none.
        """
        if self._meeting is None:
            try:
                self._meet(join=False)
            except Unusable as error:
                raise Unavailable(str(error)) from None
        assert self._meeting is not None
        return self._meeting

    def _meet(self, *, join: bool = True) -> None:
        """Find the meeting place, and the secret.

        Raises:
            Unusable: there is none.
        """
        if self._directory is not None:
            self._take(Meeting(self._directory), None, join=join)
            return
        common = siblings()
        if common is None:
            raise Unusable("no server that has workers started this process")
        reasons: list[str] = []
        for base in bases():
            try:
                self._take(Meeting(base / common.directory), common.secret, join=join)
            except Unusable as error:
                reasons.append(str(error))
            else:
                return
        raise Unusable("; ".join(reasons))

    def _take(self, meeting: Meeting, secret: bytes | None, *, join: bool) -> None:
        if join:
            meeting.prepare()
        else:
            meeting.check()
        self._secrets = (meeting.secret(make=join) if secret is None else secret,)
        if join and secret is not None:
            meeting.keep_secret(secret)  # for `byway sessions`, whose parent is another one
        self._meeting = meeting
        self._callers = Callers(
            self.name, lambda: self._secrets, limits=self._limits, counts=self.counts
        )
        self._owners = Owners(
            meeting,
            self._callers,
            self._limits.window,
            self.counts,
            bases() if self._directory is None else (),
        )

    async def _join(self, serve: ServeCall) -> None:
        meeting = self._found()
        self._lock = Lock(meeting.lock(self.name))
        await self._lock_place(meeting)
        self._door = Door(
            self.name,
            lambda: self._secrets,
            serve,
            limits=self._limits,
            tell=self.tell,
            serve_request=self.serve_request,
            counts=self.counts,
        )
        await self._listen(meeting)
        self._claims = Claims(meeting.claims, self.name, self._limits, counts=self.counts)
        self._sweep = Sweep(meeting, self.name, self._limits.tombstone_age)
        if self._directory is None:
            await asyncio.to_thread(
                remove_old_places, meeting.path.parent, self._limits.tombstone_age
            )
        self._watching = asyncio.create_task(self._watch(), name="byway: workers")

    async def _lock_place(self, meeting: Meeting) -> None:
        """Take the lock of this process while nobody removes the place.

        Raises:
            Unusable, OSError: it cannot be had.
        """
        assert self._lock is not None
        for _ in range(JOINING):
            with contextlib.suppress(FileNotFoundError):
                with meeting.held() as got:
                    if got:
                        self._lock.take()
                        return
            await asyncio.sleep(0.01)
            meeting.prepare()  # the last one to leave may have removed it just now
        self._lock.take()

    async def _undo(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        if self._callers is not None:
            await self._callers.aclose()
        if self._door is not None:
            await self._door.aclose()
            if self._meeting is not None:
                with contextlib.suppress(OSError):
                    self._meeting.door(self.name).unlink(missing_ok=True)
            self._door = None
        if self._lock is not None:
            self._lock.let_go()
            self._lock = None
        self._claims = None

    # Doors

    async def _listen(self, meeting: Meeting) -> None:
        """Open the door.

        Raises:
            OSError: it cannot be made there.
        """
        assert self._door is not None
        path = str(meeting.door(self.name))
        if TCP_DOORS:
            port = await self._door.listen_tcp("127.0.0.1")
            marks_for(self.name).change(path, str(port))
        else:
            await self._door.listen_unix(path)

    def _address(self, meeting: Meeting, owner: str) -> str | tuple[str, int]:
        path = str(meeting.door(owner))
        if not TCP_DOORS:
            return path
        try:
            return "127.0.0.1", int(marks_for(self.name).read(path) or "")
        except (OSError, ValueError):
            raise NotListening(f"process {owner} has no door") from None

    # Looking after it

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._keep_place()
                self._complained = False
            except (Unusable, OSError) as error:
                if not self._complained:
                    self._complained = True
                    logger.error("the meeting place of the workers is lost: %s", error)
            try:
                self._look_around(time.monotonic())
            except OSError:
                logger.debug("could not look around at the meeting place", exc_info=True)

    async def _keep_place(self) -> None:
        """Make anew what somebody removed: session managers clean up where we meet."""
        meeting, lock, claims = self._meeting, self._lock, self._claims
        assert meeting is not None
        assert lock is not None
        assert claims is not None
        if not lock.holds() or not meeting.claims.is_dir():
            meeting.prepare()
            await self._lock_place(meeting)
            claims.assert_all()
            logger.warning(
                "the meeting place %s had been removed, and was created again", meeting.path
            )
        self._keep_secret(meeting)
        if not meeting.door(self.name).exists():
            assert self._door is not None
            self._door.shut()
            await self._listen(meeting)

    def _keep_secret(self, meeting: Meeting) -> None:
        """Put the secret back, or learn the one that another process put there meanwhile."""
        meeting.keep_secret(self._secrets[0])
        found = meeting.secret()
        if found != self._secrets[0]:
            self._secrets = (found, self._secrets[0])

    def _look_around(self, now: float) -> None:
        meeting, claims, sweep = self._meeting, self._claims, self._sweep
        if meeting is None or claims is None or sweep is None:
            return
        claims.tick(now)
        if self._owners is not None:
            self._owners.look()
        if self._sweeping is None and now >= self._next_sweep:
            self._sweeping, self._next_sweep = sweep.steps(now), now + SWEEP
        if self._sweeping is not None and sum(1 for _ in islice(self._sweeping, PIECES)) < PIECES:
            self._sweeping = None
