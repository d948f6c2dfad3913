"""A dial without a network, for tests of the ways up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from byway.frames import PONG, Frame, decode_all
from byway.handshake import Hello
from byway.http_library import httpx
from byway.limits import ClientLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.transports.dial import Dial


class Answered(Dial):
    """Answers every batch after a moment, and acknowledges what it is told to.

    Attributes:
        began: when each batch left, in seconds.
        takes: whether what comes is acknowledged.
        pieces: what has come of the body of an upload, frames by frames.
        broken: ends the upload when it is set.
    """

    def __init__(self) -> None:
        super().__init__(
            url=httpx.URL("http://app.example/"),
            headers=[],
            ssl=None,
            proxy=None,
            key="Kx3vT8qLw2ZrN5yBhE7uJd",
            subprotocols=(),
            limits=ClientLimits(),
            on_open=lambda *_: None,
            on_plain=lambda _: NotImplemented,
        )
        self.began: list[float] = []
        self.takes = False
        self.pieces: list[list[Frame]] = []
        self.broken = asyncio.Event()

    async def batch(self, carrier: LiveCarrier, frames: bytes) -> None:
        """Answer a batch."""
        loop = asyncio.get_running_loop()
        self.began.append(loop.time())
        end = carrier.core.cursor
        await asyncio.sleep(0.01)
        if self.takes:
            carrier.live.acknowledge(end - 1, 100_000)

    @asynccontextmanager
    async def request(
        self, hello: Hello, accept: str, frames: bytes | AsyncIterator[bytes] = b""
    ) -> AsyncIterator[httpx.Response]:
        """Read the body of an upload until it ends, or is broken."""
        assert not isinstance(frames, bytes)

        async def read() -> None:
            async for piece in frames:
                self.pieces.append(decode_all(piece, max_frame=100_000))

        reading = asyncio.ensure_future(read())
        breaking = asyncio.ensure_future(self.broken.wait())
        try:
            await asyncio.wait({reading, breaking}, return_when=asyncio.FIRST_COMPLETED)
            yield httpx.Response(200)
        finally:
            reading.cancel()
            breaking.cancel()


def session() -> LiveSession:
    """Return a session whose peer has room."""
    live = LiveSession(ClientLimits(), name="test")
    live.acknowledge(0, 100_000)
    return live


def echo(carrier: LiveCarrier, ping: Frame) -> None:
    """Let the PONG to a PING come down."""
    carrier.feed([(PONG, ping[1])])
