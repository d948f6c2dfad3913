"""poll: the downlink is one HTTP response after another, each held until there is something to say.

Knows: how the server answers successive polls of one carrier.
Must not know: sessions' contents, other transports, the client's half (`series.py`).

It gets through where a response passes only when it is complete.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from byway.errors import FrameError
from byway.handshake import Hello
from byway.limits import MAX_PART
from byway.runtime import LATE, LiveCarrier, LiveSession
from byway.runtime.loop_turns import loop_turns
from byway.session import Output, joined
from byway.session.response_size import ResponseSize
from byway.transports.base import Exchange, Transport

if TYPE_CHECKING:
    from byway.transports.dial import Dial

_SIZE: Final = "response size"
"""In `LiveSession.transport_state`: how large responses to polls may be."""

LINGER: Final = 5
"""Turns of the event loop that a response waits for what is being said just now. What misses it
goes with the next one, a round trip later."""


class Poll(Transport):
    """Long-polling.

    The client counts the polls of a carrier. A newer one ends the older at once, a late older
    one is answered empty, a repeated one as the first of its count, and with none for two
    heartbeats the carrier has ended.
    """

    name: ClassVar[str] = "poll"
    ordered: ClassVar[bool] = False

    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Answer one poll."""
        if not hello.poll:
            raise FrameError("HELLO: 'poll' must count from 1 for a poll")
        carrier = live.carriers.get(hello.carrier)
        first = carrier is None
        if carrier is None:
            carrier = live.attach(
                hello.carrier, self.name, ordered=False, batched=True, received=hello.received
            )
            carrier.establish()
        elif carrier.transport != self.name:
            raise FrameError(f"carrier {hello.carrier} is not a poll", status=409)
        body = b""
        newest: _NewestPoll | None = carrier.transport_state
        if newest is None or hello.poll > newest.count:
            response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            carrier.transport_state = mine = _NewestPoll(hello.poll, response)
            carrier.stop()
            carrier.stop_timer()
            try:
                body = await _next_response(exchange, carrier, hello, mine, opens=first)
            finally:
                response.set_result(body)
            if carrier.transport_state is mine:
                carrier.end_after(LATE * live.heartbeat, "the client stopped polling")
        elif hello.poll == newest.count:
            # A proxy repeats it; the client may get this response instead of the first.
            body = await asyncio.shield(newest.response)
        await exchange.whole(self.name, body)

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Poll, one after another, and bring frames up in batches."""
        from byway.transports.poll_series import Series  # a server does not load it

        await Series(dial, carrier).carry()


@dataclass(slots=True, eq=False)
class _NewestPoll:
    """The newest poll of a carrier, as the server knows it.

    Attributes:
        count: its count on the carrier.
        response: what it gets, for its repeats.
    """

    count: int
    response: asyncio.Future[bytes]


async def _next_response(
    exchange: Exchange, carrier: LiveCarrier, hello: Hello, poll: _NewestPoll, *, opens: bool
) -> bytes:
    """Wait for what the newest poll gets: nothing, once there is a newer one."""
    live, core = carrier.live, carrier.live.core
    size: ResponseSize | None = live.transport_state.get(_SIZE)
    if size is None:
        size = live.transport_state[_SIZE] = ResponseSize(live.limits.batch)
    if hello.received + 1 != carrier.core.cursor:
        # The response to the last poll was lost: the client says what it has.
        core.rewind(carrier.core, hello.received)
    size.received(hello.received)
    if opens or hello.poll == 1:
        frames: list[Output] = [
            exchange.opening(carrier),
            *core.take(carrier.core, min(size.size, MAX_PART)),
        ]
    else:
        frames = await carrier.output(size=size.size)
        if frames:
            await loop_turns(LINGER)
            if carrier.core.due and carrier.transport_state is poll and not carrier.core.ended:
                left = size.size - sum(map(len, frames))
                frames += core.take(carrier.core, left) if left > 0 else []
    body = joined(frames)
    size.wrote(carrier.core.cursor, len(body))
    return body
