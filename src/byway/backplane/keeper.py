"""The keeper: one task that keeps a process in the directory, and what is there up to date.

Knows: the directory and when to tell it what; whether it is away, and since when.
Must not know: Lua, redis-py, links, requests.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from byway.backplane.asks import Ask, Response
from byway.backplane.conversation import Conversation, NoResponse
from byway.backplane.counts import Counts
from byway.backplane.directory import CHUNK, RENEW_EACH, Directory
from byway.backplane.proof import VERSIONS
from byway.backplane.trust import Trust

logger: logging.Logger = logging.getLogger("byway.backplane")

UNSETTLED_EACH: Final = 1.0
"""Seconds between two renewals while the directory is not settled."""

SOON: Final = 0.2
"""Seconds until a renewal that is not due, but wanted."""

RECONNECT: Final = (0.2, 1.0, 2.0, 4.0, 5.0)
"""Seconds until the directory is asked again, after each time without a response; half of that or
more, at random."""

CHECK_EACH: Final = 60.0
"""Seconds between two looks at what Redis says of its memory."""

TELL_EACH: Final = 0.2
"""Seconds for which an end waits for others, with which it is told in one script. Meanwhile the
claim names this process, which says the same of the session, or is gone as that is."""

FAREWELL: Final = 2.0
"""Seconds for which a process that leaves tells the directory what it has not told yet."""


class Keeper:
    """Renews the lease of a process, and tells the directory what is to be told.

    It belongs to one event loop.

    Attributes:
        names: the processes that live, as of the last renewal.
        twin: another process has this one's name.
        since: when the directory went away; None while it is there.
        runs: the task is at work.
    """

    def __init__(
        self,
        directory: Directory,
        conversation: Conversation,
        trust: Trust,
        counts: Counts,
        enter: Callable[[], Awaitable[tuple[str, int]]],
        *,
        meanwhile: str,
    ) -> None:
        """Be ready.

        Args:
            directory: what this process has there.
            conversation: with Redis.
            trust: the secret that is kept there.
            counts: in which what is asked is counted.
            enter: opens the door if it is not open, and returns where others find it.
            meanwhile: what happens to new sessions while the directory is away, for the log.
        """
        self.names: frozenset[str] = frozenset()
        self.twin: bool = False
        self.since: float | None = None
        self._directory = directory
        self._conversation = conversation
        self._trust = trust
        self._counts = counts
        self._enter = enter
        self._meanwhile = meanwhile
        self._started = time.time()
        self._task: asyncio.Task[None] | None = None
        self._left = False
        self._wake = asyncio.Event()
        self._turn: asyncio.Future[None] | None = None  # for those who wait for a change
        self._fresh: dict[bytes, None] = {}  # ends that were not told even once
        self._missed = 0
        self._renew_at = 0.0
        self._check_at = 0.0
        self._evicted: int | None = None
        self._complaint = ""

    @property
    def runs(self) -> bool:
        """See the class."""
        return self._task is not None

    async def start(self) -> None:
        """Renew for the first time, and go on with it in a task.

        Raises:
            NoResponse: Redis cannot be used as things are set up. One that is away is no error.
            UsageError, OSError: the door cannot be opened.
        """
        try:
            await self._check(refuse=True)
            await self._renew()
        except NoResponse as error:
            if error.unfit:
                raise
            self.went(error)
        self._left = False
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Stop keeping; what waits for a change is told."""
        self._left = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self._changed()

    async def leave(self) -> None:
        """Tell what was not told yet, and delete the record, if the directory is there."""
        if self._directory.away:
            return
        try:
            async with asyncio.timeout(FAREWELL):
                self._fresh.update(dict.fromkeys(self._directory.untold))
                await self._tell()
                await self.ask(self._directory.ask_leave())
        except (NoResponse, TimeoutError):
            pass  # the lease runs out by itself

    async def ask(self, ask: Ask) -> Response:
        """Ask the directory.

        Raises:
            NoResponse: it did not respond.
        """
        before = self._now()
        try:
            return await self._conversation.ask(ask)
        finally:
            self._counts.directory_calls += 1
            self._counts.directory_seconds += self._now() - before

    def tell(self, digest: bytes | None = None) -> None:
        """Tell soon what is to be told; an end, if the hash of its key is given."""
        if digest is None:
            self._wake.set()
        elif not self._directory.away:
            if not self._fresh:
                asyncio.get_running_loop().call_later(TELL_EACH, self._wake.set)
            self._fresh[digest] = None

    def renew_soon(self) -> None:
        """Renew before it is due: the directory has something to say, or wants to hear."""
        self._renew_at = min(self._renew_at, self._now() + SOON)
        self._wake.set()

    def next_turn(self) -> asyncio.Future[None]:
        """Return what is done when the directory may have changed."""
        if self._turn is None or self._turn.done():
            self._turn = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._turn)

    def _changed(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    # Within

    async def _keep(self) -> None:
        """Renew, and tell what is to be told, until this process leaves."""
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # Python 3.11's wait_for, which redis-py uses, may swallow it
            self._wake.clear()
            try:
                if self._now() >= self._renew_at:
                    if self._now() >= self._check_at:
                        await self._check()
                    await self._renew()
                if not self._directory.away:
                    await self._tell()
            except NoResponse as error:
                self.went(error)
            except Exception:
                logger.exception("the backplane's work with Redis failed; it goes on")
                self.went(NoResponse("see the error before"))
            try:
                async with asyncio.timeout_at(self._renew_at):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _renew(self) -> None:
        directory = self._directory
        host, port = await self._enter()
        record = json.dumps(
            {
                "host": host,
                "port": port,
                "versions": list(VERSIONS),
                "machine": socket.gethostname(),
                "pid": os.getpid(),
                "started": round(self._started, 3),
                "sessions": directory.holding,
            },
            separators=(",", ":"),
        )
        renewal = directory.renewal(self._now(), record, self._trust.offered)
        response = await self.ask(renewal.ask)
        was_away = directory.away
        epoch = directory.epochs
        renewed = directory.renewed(renewal, response, self._now())
        if renewed.twin:
            if not self.twin:
                logger.error(
                    "another process has the name of this one, as that of a copied machine has: "
                    "restart this one. It opens and relays nothing until then"
                )
            self.twin = True
        self._trust.heard(renewed.secret, self._now())
        self.names = renewed.names
        for _ in renewed.conflicts:
            self._counts.conflicts += 1
            logger.warning("a session of this process is claimed by another one, too: both go on")
        if was_away:
            self._came()
        if directory.epochs != epoch:
            logger.warning("the directory in Redis has lost data: all claims are made again")
        if directory.due(self._now()):
            wait = 0.0
        else:
            wait = RENEW_EACH if directory.settled else UNSETTLED_EACH
        self._renew_at = self._now() + wait
        self._changed()

    async def _tell(self) -> None:
        """Tell fresh ends, and give claims back; what gets no response is told again later."""
        directory = self._directory
        while self._fresh or directory.next_releases(1):
            ends = list(self._fresh)[:CHUNK]
            for digest in ends:
                del self._fresh[digest]
            releases = directory.next_releases()
            await asyncio.gather(
                self._tell_ends(ends),
                *(self._give_back(digest, count) for digest, count in releases),
            )

    async def _tell_ends(self, digests: Sequence[bytes]) -> None:
        if (ends := self._directory.ask_ends(digests, self._now())) is not None:
            self._directory.ends_told(ends, await self.ask(ends.ask))

    async def _give_back(self, digest: bytes, count: int) -> None:
        response = await self.ask(self._directory.ask_release(digest, count))
        self._directory.released(digest, count, response)

    async def _check(self, *, refuse: bool = False) -> None:
        """See whether Redis can be used, and whether it has thrown anything away.

        Args:
            refuse: raise where it cannot be used. Sessions that are there are better served by a
                doubtful directory than by none, so later it is only logged.

        Raises:
            NoResponse: it does not say, or cannot be used.
        """
        facts = await self._conversation.facts()
        complaint = facts.complaint()
        if complaint and refuse:
            raise NoResponse(complaint, unfit=True)
        if complaint and complaint != self._complaint:
            logger.error("the directory in Redis is not safe: %s", complaint)
        self._complaint = complaint
        if not facts.shown and self._evicted is None:
            logger.warning(
                "this Redis does not show its maxmemory-policy: it must be noeviction, or claims "
                "may be thrown away"
            )
        if self._evicted is not None and facts.evicted > self._evicted:
            logger.warning(
                "Redis has thrown away %d keys for want of memory: sessions may be run twice. "
                "Set maxmemory-policy to noeviction",
                facts.evicted - self._evicted,
            )
        self._evicted = facts.evicted
        self._check_at = self._now() + CHECK_EACH

    # Being there, and away

    def went(self, error: NoResponse) -> None:
        """Note that no response came."""
        now = self._now()
        self._directory.lost()
        self._fresh.clear()
        if self._left:
            return  # what was on its way is given up here: the directory may well be there
        if self.since is None:
            self.since = now
            self._missed = 0
            logger.warning(
                "the directory in Redis does not respond (%s): sessions go on, %s",
                error,
                self._meanwhile,
            )
        elif now < self._renew_at:
            return  # several things were on their way when it went
        wait = RECONNECT[min(self._missed, len(RECONNECT) - 1)]
        self._missed += 1
        self._renew_at = now + wait * random.uniform(0.5, 1.0)
        self._check_at = 0.0  # it may be another Redis that comes
        self._wake.set()
        self._changed()

    def _came(self) -> None:
        if self.since is not None:
            gone = self._now() - self.since
            logger.warning("the directory in Redis is back, after %.1f s", gone)
        self.since = None
        self._missed = 0

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
