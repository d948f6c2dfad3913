"""stream: the downlink is one endless chunked HTTP answer, the uplink is batches.

Knows: how frames travel in a chunked body of `application/octet-stream`, which filters pass that
hold back every `text/*`.
Must not know: sessions' contents, other transports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from byway.frames import Decoder
from byway.handshake import Hello
from byway.live import Attachment, LiveSession
from byway.session import joined
from byway.transports.base import Exchange, Transport, attach_endless, first_of
from byway.transports.behind import PADDING, is_padding_due
from byway.transports.form import BINARY
from byway.transports.uplink import carry_endless

if TYPE_CHECKING:
    from byway.transports.dial import Dial


class Stream(Transport):
    """Chunked HTTP streaming."""

    name: ClassVar[str] = "stream"

    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Write frames to a chunked answer until the carrier or the session ends."""
        link = attach_endless(live, hello, self.name)
        try:
            await exchange.start(self.name, BINARY)
            await first_of(_write(exchange, link), exchange.left())
        finally:
            link.end("the client left")

    async def carry(self, dial: Dial, link: Attachment) -> None:
        """Read frames from a chunked answer, and bring frames up in batches."""
        decoder = Decoder(max_frame=dial.limits.max_frame)
        await carry_endless(dial, link, self.name, BINARY, decoder.feed)


async def _write(exchange: Exchange, link: Attachment) -> None:
    await exchange.body(exchange.opening(link), more=True)
    while frames := await link.output():
        await exchange.body(joined(frames), more=True)
        frames.clear()  # the wait for the next may be long, and these are acknowledged meanwhile
        if await is_padding_due(link):
            await exchange.body(PADDING, more=True)
    await exchange.body(b"", more=False)
