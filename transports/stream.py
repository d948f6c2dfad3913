"""stream: the downlink is one endless chunked HTTP response, the uplink is batches.

Knows: how frames travel in a chunked body of `application/octet-stream`, which filters pass that
hold back every `text/*`.
Must not know: sessions' contents, other transports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from byway.frames import Decoder
from byway.handshake import Hello
from byway.runtime import LiveCarrier, LiveSession
from byway.session import joined
from byway.transports.base import Exchange, Transport, attach_endless, first_of
from byway.transports.close_padding import PADDING, is_padding_due
from byway.transports.response_form import BINARY

if TYPE_CHECKING:
    from byway.transports.dial import Dial


class Stream(Transport):
    """Chunked HTTP streaming."""

    name: ClassVar[str] = "stream"

    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Write frames to a chunked answer until the carrier or the session ends."""
        carrier = attach_endless(live, hello, self.name)
        try:
            await exchange.start(self.name, BINARY)
            await first_of(_write(exchange, carrier), exchange.left())
        finally:
            carrier.end("the client left")

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Read frames from a chunked answer, and bring frames up in batches."""
        from byway.transports.uplink import carry_endless  # a server does not load it

        decoder = Decoder(max_frame=dial.limits.max_frame)
        await carry_endless(dial, carrier, self.name, BINARY, decoder.feed)


async def _write(exchange: Exchange, carrier: LiveCarrier) -> None:
    await exchange.body(exchange.opening(carrier), more=True)
    while frames := await carrier.output():
        await exchange.body(joined(frames), more=True)
        frames.clear()  # the wait for the next may be long, and these are acknowledged meanwhile
        if await is_padding_due(carrier):
            await exchange.body(PADDING, more=True)
    await exchange.body(b"", more=False)
