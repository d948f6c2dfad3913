"""sse: the downlink is one endless stream of server-sent events, the uplink is batches.

Knows: how frames travel in an event stream, served with sse-starlette.
Must not know: sessions' contents, other transports.

sse-starlette's `EventSourceResponse` writes the response: it sends the head and each piece of the
stream, ends it, and stops the source when the client leaves. Its own encoding of events and its
pings are not used: frames need base64, and a session has its own heartbeat. What it does besides
(as of 3.7.0), and what is done about it:

- It cancels its streams as soon as uvicorn is told to stop. A session says CLOSE first: see
  `shutdown_grace_period`.
- It sends `Connection: keep-alive`, which HTTP/2 forbids (RFC 9113, section 8.2.2). That header is
  removed.
- Its import replaces `uvicorn.Server.handle_exit`. So it is imported with the first event stream.
- At level DEBUG the logger `sse_starlette.sse` writes every piece, and so messages, to the log. Do
  not turn that on where messages are confidential.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

from byway.handshake import Hello
from byway.runtime import LiveCarrier, LiveSession
from byway.transports.base import ANSWER_HEADERS, Exchange, Headers, Transport, attach_endless
from byway.transports.close_padding import PADDING, is_padding_due
from byway.transports.eventstream import EventDecoder, encode_events

if TYPE_CHECKING:
    from byway.transports.dial import Dial

CONTENT_TYPE = "text/event-stream"


class ServerSentEvents(Transport):
    """Server-sent events."""

    name: ClassVar[str] = "sse"

    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Write frames to an event stream until the carrier or the session ends."""
        carrier = attach_endless(live, hello, self.name)
        headers = [(b"byway", self.name.encode()), *ANSWER_HEADERS, *exchange.headers]
        try:
            await serve_events(exchange, _events(exchange, carrier), headers)
        finally:
            carrier.end("the client left")

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Read frames from an event stream, and bring frames up in batches."""
        from byway.transports.uplink import carry_endless  # a server does not load it

        decoder = EventDecoder(max_frame=dial.limits.max_frame)
        await carry_endless(dial, carrier, self.name, CONTENT_TYPE, decoder.feed)


async def _events(exchange: Exchange, carrier: LiveCarrier) -> AsyncIterator[bytes]:
    yield encode_events([exchange.opening(carrier)])
    while frames := await carrier.output():
        data = encode_events(frames)
        frames.clear()  # the wait for the next may be long, and these are acknowledged meanwhile
        yield data
        del data
        if await is_padding_due(carrier):
            yield encode_events([PADDING])


async def serve_events(exchange: Exchange, events: AsyncIterator[bytes], headers: Headers) -> None:
    """Answer with an event stream of these bytes, until they end or the client leaves."""
    # Imported here since the import alone changes uvicorn's Server, which a client has no need of.
    from sse_starlette import EventSourceResponse

    response = EventSourceResponse(
        events,
        ping=0,  # the session has its own heartbeat
        # On shutdown sse-starlette cancels its streams. Ours end by themselves, after CLOSE.
        shutdown_grace_period=exchange.limits.window + exchange.limits.drain_timeout,
    )
    # sse-starlette forces `Connection: keep-alive`, which HTTP/2 forbids (RFC 9113, 8.2.2).
    ours = {name for name, _ in headers} | {b"connection"}
    response.raw_headers = [
        *((name, value) for name, value in response.raw_headers if name not in ours),
        *headers,
    ]
    await response(cast(Any, exchange.scope), cast(Any, exchange.receive), cast(Any, exchange.send))
