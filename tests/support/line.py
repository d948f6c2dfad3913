"""A TCP line between a client and a server that can die in every way that a line can.

Knows: sockets and bytes, what becomes of connections that are open and of those to come.
Must not know: HTTP, byway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from byway.testing.accepting import accept_no_more
from byway.testing.wire import reset


@dataclass(eq=False)
class _Pair:
    """A connection of a client, and the one to the server that goes with it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    mute_up: bool = False
    mute_down: bool = False
    passes: int = 0  # pieces that still go up where others are held
    end_after: int | None = None  # bytes that still come down

    @property
    def muted(self) -> bool:
        return self.mute_up or self.mute_down

    def writers(self) -> list[asyncio.StreamWriter]:
        return [one for one in (self.near, self.far) if one is not None]


@dataclass
class Line:
    """Passes bytes on until it is told otherwise.

    Attributes:
        target: the server's port on 127.0.0.1.
        port: where it listens, on 127.0.0.1.
        accepted: how many connections came.
        refusing: reset every new connection.
        truncations: after how many bytes of answer each of the next connections is closed.
        ended: how many connections were closed for that.
        refused: how many connections were reset as they came.
        closed: how many open connections were closed or reset, while the client held on to them.
        lost_up: bytes that were lost on their way up.
        lost_down: bytes that were lost on their way down.
        held: how many pieces waited on their way up.
    """

    target: int
    port: int = 0
    accepted: int = 0
    refusing: bool = False
    truncations: list[int] = field(default_factory=list)
    ended: int = 0
    refused: int = 0
    closed: int = 0
    lost_up: int = 0
    lost_down: int = 0
    held: int = 0
    _pairs: set[_Pair] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def fin(self) -> None:
        """Close every connection, as a server that stops does."""
        for pair in self._pairs:
            for writer in pair.writers():
                writer.close()
            self.closed += pair.far is not None and pair.near.is_closing()

    def rst(self) -> None:
        """Reset every connection."""
        for pair in self._pairs:
            for writer in pair.writers():
                reset(writer)
            self.closed += pair.far is not None and pair.near.is_closing()

    def mute(self, *, up: bool, down: bool) -> None:
        """Lose from now on what is said on the connections that are open; nobody is told."""
        for pair in self._pairs:
            pair.mute_up |= up
            pair.mute_down |= down

    def hold_up(self) -> None:
        """Bring nothing up any more, until `pass_up`, but for one piece on each connection.

        So that what is held is the rest of a request, and not all of it.
        """
        self._up.clear()
        for pair in self._pairs:
            pair.passes = 1

    def pass_up(self) -> None:
        """Bring up what waits, and what comes."""
        self._up.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        self.accepted += 1
        if self.refusing:
            reset(writer)
            self.refused += writer.is_closing()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        pair = _Pair(writer, passes=1)
        pair.end_after = self.truncations.pop(0) if self.truncations else None
        self._pairs.add(pair)
        try:
            far_reader, pair.far = await asyncio.open_connection("127.0.0.1", self.target)
            up = asyncio.create_task(self._bring_up(pair, reader))
            down = asyncio.create_task(self._bring_down(pair, far_reader))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                if pair.muted:
                    await asyncio.wait({up, down})
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        except OSError:
            pass  # the server is not there
        finally:
            self._tasks.discard(task)
            self._pairs.discard(pair)
            for one in pair.writers():
                one.close()

    async def _bring_up(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        assert pair.far is not None
        try:
            # Small pieces, so that a hold comes in the midst of a request.
            while piece := await reader.read(1000):
                if not self._up.is_set() and not pair.passes:
                    self.held += 1
                    await self._up.wait()
                pair.passes = 0
                if pair.mute_up:
                    self.lost_up += len(piece)
                else:
                    pair.far.write(piece)
                    await pair.far.drain()
        except OSError:
            pass  # reset, by us or by either side

    async def _bring_down(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        try:
            while piece := await reader.read(65536):
                if pair.end_after is not None:
                    piece = piece[: pair.end_after]
                    pair.end_after -= len(piece)
                if pair.mute_down:
                    self.lost_down += len(piece)
                else:
                    pair.near.write(piece)
                    await pair.near.drain()
                if pair.end_after == 0:
                    self.ended += 1
                    return
        except OSError:
            pass  # reset, by us or by either side

    async def aclose(self) -> None:
        """Reset everything and wait until it is gone."""
        self.pass_up()
        while self._tasks:
            self.rst()
            await asyncio.wait(self._tasks, timeout=0.1)


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    """Run a line to a port of 127.0.0.1 until the end of the block."""
    one = Line(port)
    one.pass_up()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        await accept_no_more(server)
        server.close()
        await one.aclose()
