"""A request that is given up, wherever it stands, leaves no connection behind.

It is cancelled at each step of the event loop, once, and twice in a row as `asyncio.gather` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from byway.errors import CarrierLost
from byway.handshake import CONTENT_TYPE
from byway.http_library import httpx
from byway.limits import ClientLimits
from byway.runtime import LiveSession
from byway.transports.dial import Dial

STEPS = 400
"""Steps of the event loop within which a request is over that nobody gives up."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Site:
    """A server, and which of its connections are open.

    Attributes:
        port: where it listens.
        opened: connections that it has taken.
        open: those that the client has not closed yet.
    """

    def __init__(self, response: bytes) -> None:
        """Say the same to every request."""
        self._response = response
        self.port = self.opened = self.open = 0
        self._closed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    def let_go(self) -> None:
        """End every connection on this side; the client has to close it on its own."""
        for writer in self._writers:
            writer.write_eof()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        self.opened += 1
        self.open += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    if self._response and data.startswith(b"POST"):
                        writer.write(self._response)
        finally:
            self.open -= 1
            self._writers.discard(writer)
            self._closed.set()
            writer.close()

    async def all_closed(self) -> None:
        """Wait until the client has closed every connection."""
        async with asyncio.timeout(5):
            while self.open:
                self._closed.clear()
                await self._closed.wait()


@asynccontextmanager
async def serving(response: bytes) -> AsyncIterator[Site]:
    """Run a server."""
    site = Site(response)
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


def dial_to(site: Site) -> Dial:
    """Return how to dial a server, for a session of its own."""
    return Dial(
        url=httpx.URL(f"http://127.0.0.1:{site.port}/"),
        headers=[],
        ssl=None,
        proxy=None,
        key="Kx3vT8qLw2ZrN5yBhE7uJd",
        subprotocols=(),
        limits=ClientLimits(),
        on_open=lambda *_: None,
        on_plain=lambda _: NotImplemented,
    )


async def ask(dial: Dial) -> None:
    """Make a request, and read its response to the end."""
    live = LiveSession(ClientLimits(), name="test")
    hello = dial.hello(live.attach(1, "stream", ordered=True), "stream")
    async with dial.request(hello, CONTENT_TYPE) as response:
        async for _ in response.aiter_raw():
            pass


async def given_up_after(steps: int, asking: asyncio.Task[None], times: int) -> bool:
    """Cancel a request after so many steps; say whether it was over before."""
    for _ in range(steps):
        await asyncio.sleep(0)
    if asking.done():
        with suppress(CarrierLost):
            asking.result()
        return True
    for _ in range(times):
        asking.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError, CarrierLost):
        await asking
    return False


HEAD = b"HTTP/1.1 200 OK\r\nbyway: stream\r\ncontent-type: application/octet-stream\r\n"


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"", id="silent"),
        pytest.param(HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n", id="endless"),
    ],
)
async def test_its_connection_is_closed_at_once(response: bytes, times: int) -> None:
    """Before the session is over: the server would write on and on into it."""
    async with serving(response) as site:
        for steps in range(100):
            dial = dial_to(site)
            asking = asyncio.create_task(ask(dial))
            assert not await given_up_after(steps, asking, times)
            await site.all_closed()
            await dial.aclose()
        assert site.opened > 50


@pytest.mark.parametrize("times", [1, 2])
async def test_connections_that_the_pool_closes_meanwhile_are_closed(times: int) -> None:
    """The server has closed idle ones, and a request that finds this is given up."""
    response = HEAD + b"content-length: 1\r\n\r\nx"
    async with serving(response) as site:
        for steps in range(STEPS):
            dial = dial_to(site)
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(ask(dial))
            assert site.open == 3
            site.let_go()
            over = await given_up_after(steps, asyncio.create_task(ask(dial)), times)
            await dial.aclose()
            await site.all_closed()
            if over:
                break
        else:
            raise AssertionError(f"a request took more than {STEPS} steps")


async def test_closing_is_complete_though_it_is_cancelled() -> None:
    response = HEAD + b"content-length: 1\r\n\r\nx"
    async with serving(response) as site:
        for steps in range(4):
            dial = dial_to(site)
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(ask(dial))
            await given_up_after(steps, asyncio.create_task(dial.aclose()), 1)
            await dial.aclose()
            await site.all_closed()
