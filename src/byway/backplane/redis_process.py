"""A process that shares its sessions through Redis: its claims, its lease, its links to others.

Knows: the directory and when to tell it what, the door, the links, the secret.
Must not know: Lua, redis-py, requests.

One task renews the lease and tells what is to be told; a claim asks by itself. While Redis is away
sessions go on, relayed ones too, with the addresses that are known.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Final

from byway.backplane.asks import Seen
from byway.backplane.base import (
    Backplane,
    BackplaneError,
    Claim,
    Gone,
    Link,
    ServeCall,
    Unavailable,
    Unreachable,
)
from byway.backplane.callers import Callers, NotListening
from byway.backplane.conversation import Conversation, NoResponse
from byway.backplane.directory import LEASE, Directory
from byway.backplane.door import Door
from byway.backplane.entrance import Entrance
from byway.backplane.keeper import Keeper
from byway.backplane.trust import Trust
from byway.backplane.whereabouts import Whereabouts
from byway.errors import UsageError
from byway.limits import ServerLimits

logger: logging.Logger = logging.getLogger("byway.backplane")

AWAY_WAIT: Final = 2.0
"""Seconds for which an opening waits for a directory that went away. Later ones get 503 at
once, until it is back; clients come again by themselves."""

WATCH_EACH: Final = 1.0
"""Seconds between two calls of an owner whose door refuses."""

LATE: Final = 3.0
"""Seconds after which the response to a claim says nothing any more. A process that was stopped
hears it so late; meanwhile the directory may have lost the claim, and given it to another."""


class RedisProcess(Backplane):
    """One process of those that share their sessions through one Redis.

    What it holds is bounded by `ServerLimits.sessions` and `ServerLimits.tombstones`.
    """

    alone = False

    def __init__(
        self,
        name: str,
        limits: ServerLimits,
        *,
        conversation: Conversation,
        namespace: str,
        entrance: Entrance,
        trust: Trust,
        open_when_away: bool,
    ) -> None:
        """Be ready to start. Nothing is connected or listened to yet; no loop is needed.

        Args:
            name: of this process.
            limits: the bounds.
            conversation: with Redis.
            namespace: of all processes that share their sessions.
            entrance: where the door shall be, and where others find it.
            trust: the secret.
            open_when_away: open sessions without a claim while the directory is away.
        """
        self.name = name
        self._limits = limits
        self._conversation = conversation
        self._entrance = entrance
        self._trust = trust
        self._open_when_away = open_when_away
        self._directory = Directory(name, namespace, limits, secrets.token_hex(8))
        self._keeper = Keeper(
            self._directory,
            conversation,
            trust,
            self.counts,
            self._enter,
            meanwhile="new ones open without a claim" if open_when_away else "new ones wait for it",
        )
        self._whereabouts = Whereabouts()
        self._callers: Callers | None = None
        self._door: Door | None = None
        self._claiming: dict[bytes, asyncio.Future[None]] = {}
        self._looking: dict[str, asyncio.Task[Seen]] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}

    # The interface

    async def start(self, serve: ServeCall) -> None:
        """Open the door, and write this process into the directory.

        Redis need not be there yet: then openings wait for it.

        Raises:
            UsageError: Redis, or the door, cannot be used as it was set up.
        """
        self._door = Door(
            self.name,
            self._trust.valid,
            serve,
            limits=self._limits,
            tell=self.tell,
            serve_request=self.serve_request,
            counts=self.counts,
        )
        try:
            await self._keeper.start()
        except NoResponse as error:
            await self.aclose()
            raise UsageError(f"the backplane cannot use Redis: {error}") from None
        except BaseException:
            await self.aclose()
            raise

    async def claim(self, digest: bytes) -> Claim:
        """Claim a key for this process, or learn whose it is. See `Backplane.claim`."""
        while (before := self._claiming.get(digest)) is not None:
            await asyncio.wait([before])
        done = self._claiming[digest] = asyncio.get_running_loop().create_future()
        try:
            claim = await self._claim(digest)
        except Unavailable:
            self.counts.unavailable += 1
            raise
        finally:
            del self._claiming[digest]
            done.set_result(None)
        if claim.ended:
            self.counts.ended += 1
        elif claim.owner == self.name:
            self.counts.mine += 1
        else:
            self.counts.owned += 1
        return claim

    def release(self, digest: bytes) -> None:
        """Give back a claim that became no session."""
        self._directory.release(digest)
        self._keeper.tell()

    def ended(self, digest: bytes, *, refused: bool = False) -> None:
        """Say that a claimed session has ended."""
        self._directory.ended(digest, asyncio.get_running_loop().time(), refused=refused)
        self._keeper.tell(digest)

    async def link(self, owner: str) -> Link:
        """Return a link to another process that carries no call. See `Backplane.link`."""
        if self._keeper.twin:
            raise Unreachable("another process has this one's name")
        if self._whereabouts.is_gone(owner, self._now()):
            raise Gone(f"process {owner} has ended")
        if self._callers is None:
            await self._ready_to_call()
        assert self._callers is not None
        if (record := self._whereabouts.record(owner)) is None:
            await self._look(owner)
            if (record := self._whereabouts.record(owner)) is None:
                raise Unreachable(f"no process is known by the name {owner} yet")
        try:
            link = await self._callers.link(owner, (record.host, record.port))
        except NotListening:
            self._watch(owner)
            if not self._whereabouts.refused_lately(owner, self._now()):
                await self._look(owner, refused=True)
            raise
        except Unreachable:
            self._whereabouts.not_refused(owner)
            raise
        self._whereabouts.reached(owner)
        return link

    def kept(self, owner: str) -> Link | None:
        """Return a link that was kept, see `Backplane.kept`."""
        if self._callers is None or self._keeper.twin:
            return None
        if self._whereabouts.is_gone(owner, self._now()):
            return None
        return self._callers.kept(owner)

    async def processes(self) -> list[str]:
        """Return the names of the processes that the directory knows to live."""
        try:
            names, _ = await self._conversation.read(*self._directory.shared_keys)
        except NoResponse as error:
            raise Unavailable(f"the directory in Redis does not respond: {error}") from error
        return names

    async def aclose(self) -> None:
        """Leave in order. Redis is told what it was not told yet, if it is there."""
        ran = self._keeper.runs
        await self._keeper.stop()
        for task in (watching := list(self._watching.values())):
            task.cancel()
        if watching:
            await asyncio.wait(watching)
        if self._callers is not None:
            await self._callers.aclose()
        if self._door is not None:
            await self._door.aclose()
        if ran:
            await self._keeper.leave()
        await self._conversation.aclose()

    # Claims

    async def _claim(self, digest: bytes) -> Claim:
        directory = self._directory
        while True:
            if self._keeper.twin:
                raise Unavailable("another process has this one's name")
            unasked = directory.away and self._open_when_away
            if not unasked and not directory.settled:
                await self._wait_for_directory()
                continue
            if directory.full:
                raise Unavailable("this process holds as many claims as it may")
            if unasked:
                return directory.take_unasked(digest)
            count, asked = directory.begin(), self._now()
            try:
                response = await self._keeper.ask(directory.ask_claim(digest, count))
            except BaseException as error:
                directory.unanswered(digest, count)
                self._keeper.tell()
                if not isinstance(error, NoResponse):
                    raise
                self._keeper.went(error)
                continue
            if self._now() - asked > LATE:
                directory.unanswered(digest, count)
                self._keeper.tell()
                continue
            claim = directory.claimed(digest, count, response, self._now())
            if claim is not None:
                return claim
            self._keeper.renew_soon()
            if directory.settled:  # an older epoch, or the directory wants a renewal first
                await self._keeper.next_turn()

    async def _wait_for_directory(self) -> None:
        """Wait until something changes, but not for long where the directory is away."""
        if not self._keeper.runs:
            raise Unavailable("this process leaves, or has not started")
        if not self._directory.away:
            return await self._keeper.next_turn()
        since = self._keeper.since if self._keeper.since is not None else self._now()
        try:
            async with asyncio.timeout_at(since + AWAY_WAIT):
                return await self._keeper.next_turn()
        except TimeoutError:
            raise Unavailable("the directory in Redis does not respond") from None

    # Whereabouts

    async def _look(self, owner: str, *, refused: bool = False) -> None:
        """Look an owner up: once for all who ask at the same time.

        Raises:
            Gone: it has ended, and surely so.
            Unreachable: the directory cannot say.
        """
        if (task := self._looking.get(owner)) is None:
            self._whereabouts.names = self._keeper.names
            if not self._whereabouts.may_look(owner, self._now()):
                raise Unreachable("too many unknown processes are asked for")
            task = asyncio.get_running_loop().create_task(self._look_up(owner))
            self._looking[owner] = task
            task.add_done_callback(lambda _: self._looking.pop(owner, None))
        try:
            seen = await asyncio.shield(task)
        except NoResponse as error:
            raise Unreachable(f"the directory in Redis does not respond: {error}") from error
        if self._whereabouts.judge(owner, seen, self._now(), refused=refused):
            self.counts.gone += 1
            if self._callers is not None:
                self._callers.forget(owner)
            logger.info("process %s has ended: its sessions get 410", owner)
            raise Gone(f"process {owner} has ended")

    async def _look_up(self, owner: str) -> Seen:
        try:
            return self._directory.looked(await self._keeper.ask(self._directory.ask_look(owner)))
        except NoResponse as error:
            self._keeper.went(error)
            raise

    def _watch(self, owner: str) -> None:
        """Call an owner whose door refuses again and again, until it is reached or is gone.

        So that is known as soon as it can be, however seldom its clients come, and to all of them.
        """
        if owner not in self._watching and self._keeper.runs:
            task = asyncio.get_running_loop().create_task(self._call_again(owner))
            self._watching[owner] = task
            task.add_done_callback(lambda _: self._watching.pop(owner, None))

    async def _call_again(self, owner: str) -> None:
        try:
            async with asyncio.timeout(LEASE):
                while True:
                    await asyncio.sleep(WATCH_EACH)
                    try:
                        (await self.link(owner)).cut()
                        return
                    except NotListening:
                        pass
        except (BackplaneError, TimeoutError):
            pass  # it is gone, or nobody can tell now: its clients ask again

    async def _ready_to_call(self) -> None:
        """Learn the secret, where this process was not started (`byway sessions`)."""
        if not self._keeper.runs and self._trust.offered:
            try:
                _, secret = await self._conversation.read(*self._directory.shared_keys)
            except NoResponse as error:
                raise Unreachable(f"the directory in Redis does not respond: {error}") from error
            self._trust.heard(secret, self._now())
        self._callers = Callers(
            self.name,
            self._trust.valid,
            limits=self._limits,
            tls=self._entrance.caller_tls,
            counts=self.counts,
        )

    # Within

    async def _enter(self) -> tuple[str, int]:
        """Open the door, if it is not open, and return where others find it."""
        assert self._door is not None
        if not self._entrance.is_open:
            await self._entrance.open(self._door, self._conversation.own_address)
        return self._entrance.host, self._entrance.port

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
