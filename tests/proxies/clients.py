"""What each client is made to do behind a proxy: one set of cases for Python and for pages.

Knows: the cases, and how the Python client is put through them.
Must not know: which proxy is on the way, or what a page is.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, cast

import pytest

import byway
from byway.client.channels import ClientChannel
from tests.proxies.world import Way
from tests.support.numbered_client import NumberedSession

LONGEST: Final = 100 * 1024
"""Bytes of the longest numbered message: more than a batch, or what a proxy takes at a time."""

OPEN_TIMEOUT: Final = 4.0
"""Seconds for one transport: what works opens in less than one, what is held back never does."""

COMPLETE: Final = 60.0
"""Seconds that numbered messages may take, or until a session has noticed its end."""

SILENCE: Final = 65.0
"""Seconds: beyond the 60 s, 50 s and 15 s after which proxies cut."""

Name = str | None
"""Of a transport that a session is forced to; None for the choice of the client."""

Opener = Callable[[], "AbstractAsyncContextManager[Client]"]
"""Starts a client in the running event loop."""


class Visit(ABC):
    """One client behind one proxy. The cases may run at once.

    Attributes:
        way: through the proxy.
        works: the transports that carry a session of this client.
    """

    def __init__(self, way: Way, works: tuple[str, ...]) -> None:
        """Arrive."""
        self.way = way
        self.works = works

    @abstractmethod
    async def numbered(
        self,
        forced: Iterable[Name],
        count: int,
        seconds: float,
        begun: asyncio.Event | None = None,
        until: asyncio.Event | None = None,
    ) -> dict[Name, list[str]]:
        """Exchange numbered messages, a session for each; return which transports each used.

        Args:
            forced: the transports.
            count: messages each way.
            seconds: over which they are spread.
            begun: set when something has come over each session.
            until: no session says its last message before it is set.

        Raises:
            AssertionError: a message was lost, doubled, changed or out of order.
        """

    @abstractmethod
    async def in_vain(self, transport: str) -> None:
        """See that a transport does not get through, in time, and that something is said of it."""

    @abstractmethod
    async def first_echo(self) -> float:
        """Return the seconds from a new session's beginning to its first echo."""

    @abstractmethod
    async def long_message(self, transport: str, size: int) -> None:
        """Send so many bytes in one message and see them come back."""

    @abstractmethod
    async def ends(
        self, forced: Iterable[Name], opened: asyncio.Event
    ) -> dict[Name, tuple[Any, str]]:
        """Open sessions; return the code and the reason with which each ends by itself.

        Args:
            forced: the transports.
            opened: set when something was said over each.
        """

    @abstractmethod
    async def silent(self, opening: asyncio.Semaphore) -> dict[str, str]:
        """Be silent for SILENCE seconds on each transport that works, and go on.

        Args:
            opening: how many sessions are opened at once.

        Returns:
            By transport whether the carrier of before `lasted`, or another `went on`.
        """


class Client(ABC):
    """A kind of client.

    Attributes:
        name: as in the matrix.
    """

    name: str

    @abstractmethod
    def at(
        self, way: Way, *, port: int | None = None, home: str | None = None
    ) -> AbstractAsyncContextManager[Visit]:
        """Go behind a proxy.

        Args:
            way: through it.
            port: another than the proxy's own, of something that leads to it.
            home: the address of a page that may look there from elsewhere, instead of one of the
                server's own. Enough for `silent`.
        """


class PythonVisit(Visit):
    """The Python client."""

    def __init__(self, way: Way, port: int | None) -> None:
        """Keep where to connect to."""
        super().__init__(way, way.variant.works)
        self._port = port

    def _connect(
        self, path: str, forced: Name = None, **options: Any
    ) -> AbstractAsyncContextManager[byway.Channel]:
        return byway.connect(
            self.way.url(path, port=self._port),
            transports=forced,
            memory=False,
            **self.way.options(port=self._port),
            **options,
        )

    async def numbered(
        self,
        forced: Iterable[Name],
        count: int,
        seconds: float,
        begun: asyncio.Event | None = None,
        until: asyncio.Event | None = None,
    ) -> dict[Name, list[str]]:
        options = {**self.way.options(), "limits": None}
        sessions = {
            one: NumberedSession(
                f"{self.way.variant} {one}",
                count,
                seconds,
                LONGEST,
                one,
                options,
                again=False,
                until=until,
            )
            for one in forced
        }
        async with asyncio.TaskGroup() as group:
            for session in sessions.values():
                group.create_task(session.run(self.way.url("/numbered"), timeout=COMPLETE))
            if begun is not None:
                for session in sessions.values():
                    await session.begun.wait()
                begun.set()
        return {name: session.transports for name, session in sessions.items()}

    async def in_vain(self, transport: str) -> None:
        with pytest.raises(byway.NoTransport, match=f"{transport}: ") as caught:
            async with self._connect("/echo", transport, open_timeout=OPEN_TIMEOUT):
                pass
        assert caught.value.attempts

    async def first_echo(self) -> float:
        began = time.monotonic()
        async with self._connect("/echo") as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            return time.monotonic() - began

    async def long_message(self, transport: str, size: int) -> None:
        message = bytes(range(256)) * (size // 256)
        async with self._connect("/echo", transport) as channel:
            await channel.send(message)
            assert await channel.receive() == message, f"{self.way.variant} {transport}"

    async def ends(
        self, forced: Iterable[Name], opened: asyncio.Event
    ) -> dict[Name, tuple[Any, str]]:
        names = list(forced)
        ready = asyncio.Barrier(len(names) + 1)

        async def one(name: Name) -> tuple[Any, str]:
            async with self._connect("/echo", name) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
                await ready.wait()
                async with asyncio.timeout(COMPLETE):
                    assert await channel.receive() is None
                return channel.code, channel.reason

        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one(name)) for name in names}
            await ready.wait()
            opened.set()
        return {name: task.result() for name, task in tasks.items()}

    async def silent(self, opening: asyncio.Semaphore) -> dict[str, str]:
        async with asyncio.TaskGroup() as group:
            tasks = {one: group.create_task(self._silent(one, opening)) for one in self.works}
        return {name: task.result() for name, task in tasks.items()}

    async def _silent(self, transport: str, opening: asyncio.Semaphore) -> str:
        connecting = self._connect("/echo", transport)
        async with opening:
            channel = await connecting.__aenter__()
        try:
            await channel.send("before")
            assert await channel.receive() == "before"
            before = _carrier(channel)
            await asyncio.sleep(SILENCE)
            await channel.send("after")
            async with asyncio.timeout(20):
                assert await channel.receive() == "after", f"{transport}: {channel.code}"
            return "lasted" if _carrier(channel) == before else "went on"
        finally:
            await connecting.__aexit__(None, None, None)


def _carrier(channel: byway.Channel) -> int:
    """Return the number of the carrier in use."""
    selected = cast(ClientChannel, channel)._live.core.selected
    return 0 if selected is None else selected.id


class Python(Client):
    """The Python client, which needs nothing to be started."""

    name = "python"

    @asynccontextmanager
    async def at(
        self, way: Way, *, port: int | None = None, home: str | None = None
    ) -> AsyncIterator[Visit]:
        yield PythonVisit(way, port)


@asynccontextmanager
async def python() -> AsyncIterator[Client]:
    """Start it."""
    yield Python()
