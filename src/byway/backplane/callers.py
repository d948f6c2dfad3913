"""Callers: links to other processes, kept for the next call.

Knows: how to connect, how many links are kept and for how long.
Must not know: who owns what, directories, what a call carries.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from byway.backplane.base import BackplaneError, Link, LinkLost, Unreachable
from byway.backplane.calls import OneCall
from byway.backplane.connection import LOOKS, Connection
from byway.backplane.counts import Counts
from byway.backplane.idle import Idle
from byway.backplane.open_files import OpenFiles
from byway.backplane.pipe import BUFFER, leave
from byway.backplane.proof import REQUESTS, NoCommonVersion, Proof, Secrets
from byway.backplane.watch import Watch
from byway.limits import ServerLimits

logger: logging.Logger = logging.getLogger("byway.backplane")

DIALS: Final = 8
"""Connections that are made to one process at a time; others wait for their turn.
A door bounds those that have not proven themselves."""

REMEMBERED: Final = 1_000
"""Processes without a common version of links that the log has named. One more, and the log may
name the others again."""

LONGEST_PATH: Final = 107 if sys.platform == "linux" else 103
"""Bytes of the path of a Unix socket, at most."""

Address = str | tuple[str, int]
"""Where a door is: the path of a Unix socket, or a host and a port."""


class NotListening(Unreachable):
    """Nobody listens at the address: the connection was refused, or there is no such socket."""


class _Turns(asyncio.Semaphore):
    """The turns to connect to one process, and how many use or wait for one."""

    users = 0


class Callers:
    """Connects to other processes, and keeps the connections for the next call.

    It belongs to one event loop; many tasks may use it. What it bounds: `ServerLimits.links`,
    `idle_links`, `idle_link_time` and `link_time`.
    """

    def __init__(
        self,
        name: str,
        secrets: Secrets,
        *,
        limits: ServerLimits | None = None,
        tls: ssl.SSLContext | None = None,
        counts: Counts | None = None,
    ) -> None:
        """Have no links.

        Args:
            name: of this process.
            secrets: the secrets that are valid.
            limits: the bounds.
            tls: for links over TCP within TLS; the settings of a client.
            counts: in which `links` is counted.
        """
        self.limits: ServerLimits = limits or ServerLimits()
        self.space: memoryview = memoryview(bytearray(BUFFER))
        self._name = name
        self._secrets = secrets
        self._tls = tls
        self._counts = counts or Counts()
        self._files = OpenFiles()
        self._proven: dict[Connection, None] = {}
        self._dialled: dict[Connection, asyncio.Future[None]] = {}
        self._idle = Idle(self.limits.idle_links)
        self._turns: dict[str, _Turns] = {}
        self._named: set[str] = set()
        self._watch = Watch(self.limits.link_silence / LOOKS, self._look)
        self._closed = False

    async def link(self, owner: str, address: Address) -> Link:
        """Return a link to a process that carries no call: one that was freed, or a new one.

        Args:
            owner: name of the process.
            address: where its door is. It is not asked where a link was kept.

        Raises:
            NotListening: nobody listens there.
            Unreachable: it cannot be connected to in `link_time`, or is not that process, or this
                one has all the links that it may have.
        """
        connection = self._idle.take(owner)
        if connection is None:
            limit = self.limits.link_time
            try:
                async with asyncio.timeout(limit), self._turn(owner):
                    connection = self._idle.take(owner) or await self._dial(owner, address)
            except TimeoutError:
                raise Unreachable(f"process {owner} did not prove itself in {limit:g} s") from None
        return connection.carry()

    def kept(self, owner: str) -> Link | None:
        """Return a link to a process that was freed, and by which requests may be sent."""
        connection = self._idle.take(owner)
        if connection is None:
            return None
        if connection.version < REQUESTS:
            self._idle.keep(connection, connection.loop.time())
            return None
        return connection.carry()

    def forget(self, owner: str) -> None:
        """Cut the links to a process that carry no call: it is gone."""
        for connection in self._idle.of(owner):
            connection.end(LinkLost(f"process {owner} is gone"))

    def cut(self, owner: str) -> bool:
        """Cut all links to a process that has surely ended; say whether there were any."""
        found = [one for one in self._proven if one.peer == owner]
        for connection in found:
            connection.end(LinkLost(f"process {owner} has ended"))
        return bool(found)

    def peers(self) -> set[str]:
        """Return the processes to which there are links."""
        return {one.peer for one in self._proven}

    async def aclose(self) -> None:
        """Cut all links, and make no more."""
        self._closed = True
        self._watch.stop()
        await leave([*self._dialled, *self._proven])

    # What connections call.

    def proven(self, connection: Connection) -> None:
        """Keep an eye on it."""
        if self._closed:
            raise Unreachable("this process leaves")
        ready = self._dialled.pop(connection)
        self._proven[connection] = None
        self._counts.links += 1
        self._files.see(self._counts.links)
        self._watch.start()
        if not ready.done():
            ready.set_result(None)

    def called(self, link: OneCall, kind: int, payload: bytes) -> None:
        """Refuse: who is dialled does not call.

        Raises:
            LinkLost: always.
        """
        raise LinkLost("the process that was called calls itself")

    def freed(self, connection: Connection) -> None:
        """Keep a connection for the next call, if there are not too many."""
        if self._closed or not self._idle.keep(connection, connection.loop.time()):
            connection.end(LinkLost("enough links are kept"), flush=True)

    def lost(self, connection: Connection, error: BackplaneError) -> None:
        """Forget a connection."""
        ready = self._dialled.pop(connection, None)
        if ready is not None and not ready.done():
            ready.set_exception(error)
            ready.exception()  # it was looked at: whoever dialled may not wait any more
        if connection in self._proven:
            del self._proven[connection]
            self._counts.links -= 1
        self._idle.drop(connection)

    @asynccontextmanager
    async def _turn(self, owner: str) -> AsyncIterator[None]:
        """Wait for a turn to connect to a process."""
        turns = self._turns.get(owner)
        if turns is None:
            turns = self._turns[owner] = _Turns(DIALS)
        turns.users += 1
        try:
            async with turns:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                del self._turns[owner]

    async def _dial(self, owner: str, address: Address) -> Connection:
        if self._closed:
            raise Unreachable("this process leaves")
        if len(self._proven) + len(self._dialled) >= self.limits.links:
            self._make_room()
        loop = asyncio.get_running_loop()
        connection = Connection(self, Proof(self._name, self._secrets, expected=owner))
        ready = self._dialled[connection] = loop.create_future()
        made = False
        try:
            if isinstance(address, str):
                if len(os.fsencode(address)) > LONGEST_PATH:  # uvloop says no more than ENOENT
                    raise OSError(f"the path of a Unix socket is over {LONGEST_PATH} bytes")
                await loop.create_unix_connection(lambda: connection, address)
            else:
                await loop.create_connection(lambda: connection, *address, ssl=self._tls)
            await ready
            if connection.error is not None:
                raise connection.error
            made = True
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise NotListening(f"process {owner}: {error}") from error
        except NoCommonVersion as error:
            self._name_once(owner, error)
            raise
        except (OSError, BackplaneError) as error:
            raise Unreachable(f"process {owner}: {error}") from error
        finally:
            self._dialled.pop(connection, None)
            if not made:
                connection.end(LinkLost("the connection was not proven, or no call waits for it"))
        return connection

    def _make_room(self) -> None:
        """Cut the link that has carried nothing for the longest time.

        Raises:
            Unreachable: there is none.
        """
        oldest = self._idle.oldest()
        if oldest is None:
            raise Unreachable(
                f"there are {self.limits.links} links, as many as ServerLimits.links lets"
            )
        oldest.end(LinkLost("its place was needed"), flush=True)

    def _look(self) -> bool:
        now = asyncio.get_running_loop().time()
        for connection in self._idle.until(now - self.limits.idle_link_time):
            connection.end(LinkLost("it was not used"), flush=True)
        for connection in list(self._proven):
            connection.look()
        return bool(self._proven)

    def _name_once(self, owner: str, error: NoCommonVersion) -> None:
        if owner in self._named:
            return
        if len(self._named) >= REMEMBERED:
            self._named.clear()
        self._named.add(owner)
        logger.warning("cannot hand over calls: %s", error)
