"""poll: the downlink is one HTTP answer after another, each held until there is something to say.

Knows: how successive polls make one carrier.
Must not know: sessions' contents, other transports.

It gets through where an answer passes only when it is complete.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from byway.errors import CarrierLost, FrameError
from byway.handshake import Hello
from byway.limits import MAX_PART
from byway.runtime import LATE, LiveCarrier, LiveSession
from byway.session import Output, State, joined
from byway.transports.base import Exchange, Transport, stop
from byway.transports.batches import BatchSender
from byway.transports.form import BINARY
from byway.transports.uplink import carry_http, first_words
from byway.transports.visits import Visits

if TYPE_CHECKING:
    from byway.transports.dial import Dial

LINGER: Final = 5
"""Turns of the event loop that an answer waits for what is being said just now. What misses it
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
            raise FrameError("HELLO: 'poll' must count from 1 where the answer is a poll")
        carrier = live.carriers.get(hello.carrier)
        first = carrier is None
        if carrier is None:
            carrier = live.attach(
                hello.carrier, self.name, ordered=False, batched=True, received=hello.received
            )
            carrier.establish()
        elif carrier.transport != self.name:
            raise FrameError(f"carrier {hello.carrier} is no poll", status=409)
        body = b""
        if hello.poll > carrier.polls:
            carrier.polls = hello.poll
            carrier.stop()
            carrier.stop_timer()
            answer = carrier.answer = asyncio.get_running_loop().create_future()
            try:
                body = await _next_answer(exchange, carrier, hello, opens=first)
            finally:
                answer.set_result(body)
            if carrier.polls == hello.poll:
                carrier.end_after(LATE * live.heartbeat, "the client stopped polling")
        elif hello.poll == carrier.polls and carrier.answer is not None:
            # A proxy repeats it; the client may get this answer instead of the first.
            body = await asyncio.shield(carrier.answer)
        await exchange.whole(self.name, body)

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Poll, one after another, and bring frames up in batches."""

        loop = asyncio.get_running_loop()
        core, turns = carrier.live.core, dial.turns
        waits = asyncio.Event()  # a batch waits for the end of the poll that is held
        batches = BatchSender(dial, carrier, waits.set)

        async def ask(count: int) -> None:
            hello = dial.hello(carrier, self.name, poll=count)
            frames = first_words(carrier) if count == 1 else b""
            async with dial.request(hello, BINARY, frames) as response:
                came = await dial.frames(response)
                dial.feed(carrier, came, response.headers)

        async def hold(count: int) -> None:
            """Have a poll held, and give it up where it holds up all else."""
            waits.clear()
            batches.beside.opened()
            asking, waiting = loop.create_task(ask(count)), loop.create_task(waits.wait())
            try:
                await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if asking.done():
                    asking.result()
                else:
                    turns.waited(loop.time())
            finally:
                batches.beside.closed()
                await stop(asking, waiting)

        async def read() -> None:
            visits = Visits(carrier, batches)
            count = 0
            failed = False  # the poll before was not answered
            other = False  # it was asked for in the other form just now
            again = False  # there was a visit before
            while True:
                if count and turns.visits(loop.time()):
                    await visits.next()
                    carrier.live.renew(carrier)
                    count, again = 0, True
                count += 1
                visits.begin()
                try:
                    await (ask(count) if count == 1 else hold(count))
                    failed = other = False
                    if again and count == 1:
                        carrier.prove()  # a PONG would come on the carrier of the visit before
                except CarrierLost as error:
                    if error.other_form and not other:
                        # The same poll: the server keeps what it has answered.
                        other = True
                        count -= 1
                        if not count:
                            core.rewind(carrier.core)  # its frames may not have come either
                        continue
                    # One answer may be lost alone; the next poll says what has come.
                    if not carrier.opened.is_set() or failed or error.trouble != "reset":
                        raise
                    failed = True
                    if count == 1:
                        core.rewind(carrier.core)  # what went up with the visit
                    continue
                if core.state is State.CLOSED or core.finished:
                    # Nothing follows CLOSE. It is acknowledged in a batch: another poll would
                    # say so too, and be given up with the carrier before it has got through.
                    return
                if carrier.core.ended:
                    raise CarrierLost(carrier.core.ended)

        await carry_http(dial, carrier, read(), batches)


async def _next_answer(
    exchange: Exchange, carrier: LiveCarrier, hello: Hello, *, opens: bool
) -> bytes:
    """Wait for what the newest poll is answered: nothing, once there is a newer one."""
    live, core = carrier.live, carrier.live.core
    # The answer to the last poll may be lost; the client says what it has.
    core.rewind(carrier.core, hello.received)
    live.response_size.received(hello.received)
    if opens or hello.poll == 1:
        size = min(live.response_size.size, MAX_PART)
        frames: list[Output] = [exchange.opening(carrier), *core.take(carrier.core, size)]
    else:
        frames = await carrier.output(size=live.response_size.size)
        if frames:
            await _turns(LINGER)
            left = live.response_size.size - sum(map(len, frames))
            if carrier.polls == hello.poll and not carrier.core.ended and left > 0:
                frames += core.take(carrier.core, left)
    body = joined(frames)
    live.response_size.wrote(carrier.core.cursor, len(body))
    return body


def _turns(count: int) -> asyncio.Future[None]:
    """Return a future that resumes its awaiter after so many turns of the event loop, at least 2.

    To sleep as often would wake each coroutine that awaits the next, at each turn.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    call_soon: Any = loop.call_soon  # each call has the loop make the next one
    call_soon(*[call_soon] * (count - 2), _finish, over)
    return over


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
