"""What tests of bad input share: a server with small bounds, and a session that must not notice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import httpx

import byway
from tests.support.peers import connect
from tests.support.servers import Server
from tests.support.wire import PROTOCOL_HEADERS, RawSession

UVICORNS_OWN = "uvicorn.error: ASGI callable returned without completing handshake."
"""What uvicorn 0.54 logs for every answer that refuses a WebSocket, whoever made it."""


@dataclass
class Scene:
    """A server, and somebody else's session on it.

    Attributes:
        server: with the bounds of `SMALL`.
        http: a client for raw requests.
        neighbour: a session that is open all the while.
    """

    server: Server
    http: httpx.AsyncClient
    neighbour: byway.Channel

    @property
    def url(self) -> str:
        """The handler that the bad input goes to."""
        return self.server.url("/echo")

    async def session(self, path: str = "/echo") -> RawSession:
        """Open a session that is spoken by hand."""
        return await RawSession(self.http, self.server.url(path)).open()

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Send a request with the headers of the protocol, or others in their place."""
        return await self.http.post(self.url, content=body, headers=PROTOCOL_HEADERS | headers)

    @asynccontextmanager
    async def logs(self, *patterns: str) -> AsyncIterator[None]:
        """Check what the block makes the server log, and that the neighbour does not notice.

        Args:
            patterns: one for each line of level WARNING or above, in order; no other may come.
        """
        await self._neighbour_speaks()
        mark = self.server.log.mark()
        yield
        await self._neighbour_speaks()
        lines = self.server.log.since(mark)
        name = cast(Any, self.neighbour)._live.name
        assert not [line for line in lines if name in line], "the neighbour's carrier changed"
        warnings = [
            line
            for line in lines
            if line.startswith(("WARNING", "ERROR", "CRITICAL")) and UVICORNS_OWN not in line
        ]
        assert len(warnings) == len(patterns), warnings
        for line, pattern in zip(warnings, patterns, strict=True):
            assert line.startswith("WARNING byway."), line
            assert pattern in line

    async def _neighbour_speaks(self) -> None:
        word = uuid4().hex
        await self.neighbour.send(f"log:{word}")
        assert await self.neighbour.receive() == f"log:{word}"
        await self.server.log.seen(f"said {word}")


@asynccontextmanager
async def scene(server: Server, http: httpx.AsyncClient) -> AsyncIterator[Scene]:
    """Open the neighbour's session."""
    async with connect(server.url("/echo"), "stream") as neighbour:
        yield Scene(server, http, neighbour)


def check_error(answer: httpx.Response, status: int, reason: str) -> None:
    """Check that an answer is byway's own refusal with this status and reason."""
    assert answer.status_code == status, answer.text
    assert answer.headers["byway"] == "error"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("text/plain")
    assert reason in answer.text
