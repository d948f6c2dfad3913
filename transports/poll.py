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
from byway.live import LATE, Attachment, LiveSession
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
        link = live.attachments.get(hello.carrier)
        first = link is None
        if link is None:
            link = live.attach(
                hello.carrier, self.name, ordered=False, batched=True, received=hello.received
            )
            link.establish()
        elif link.transport != self.name:
            raise FrameError(f"carrier {hello.carrier} is no poll", status=409)
        body = b""
        if hello.poll > link.polls:
            link.polls = hello.poll
            link.stop()
            link.stop_timer()
            answer = link.answer = asyncio.get_running_loop().create_future()
            try:
                body = await _next_answer(exchange, link, hello, opens=first)
            finally:
                answer.set_result(body)
            if link.polls == hello.poll:
                link.end_after(LATE * live.heartbeat, "the client stopped polling")
        elif hello.poll == link.polls and link.answer is not None:
            # A proxy repeats it; the client may get this answer instead of the first.
            body = await asyncio.shield(link.answer)
        await exchange.whole(self.name, body)

    async def carry(self, dial: Dial, link: Attachment) -> None:
        """Poll, one after another, and bring frames up in batches."""

        loop = asyncio.get_running_loop()
        core, turns = link.live.core, dial.turns
        waits = asyncio.Event()  # a batch waits for the end of the poll that is held
        batches = BatchSender(dial, link, waits.set)

        async def ask(count: int) -> None:
            hello = dial.hello(link, self.name, poll=count)
            frames = first_words(link) if count == 1 else b""
            async with dial.request(hello, BINARY, frames) as response:
                came = await dial.frames(response)
                dial.feed(link, came, response.headers)

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
            visits = Visits(link, batches)
            count = 0
            failed = False  # the poll before was not answered
            other = False  # it was asked for in the other form just now
            again = False  # there was a visit before
            while True:
                if count and turns.visits(loop.time()):
                    await visits.next()
                    link.live.renew(link)
                    count, again = 0, True
                count += 1
                visits.begin()
                try:
                    await (ask(count) if count == 1 else hold(count))
                    failed = other = False
                    if again and count == 1:
                        link.prove()  # a PONG would come on the carrier of the visit before
                except CarrierLost as error:
                    if error.other_form and not other:
                        # The same poll: the server keeps what it has answered.
                        other = True
                        count -= 1
                        if not count:
                            core.rewind(link.carrier)  # its frames may not have come either
                        continue
                    # One answer may be lost alone; the next poll says what has come.
                    if not link.opened.is_set() or failed or error.trouble != "reset":
                        raise
                    failed = True
                    if count == 1:
                        core.rewind(link.carrier)  # what went up with the visit
                    continue
                if core.state is State.CLOSED or core.finished:
                    # Nothing follows CLOSE. It is acknowledged in a batch: another poll would
                    # say so too, and be given up with the carrier before it has got through.
                    return
                if link.carrier.ended:
                    raise CarrierLost(link.carrier.ended)

        await carry_http(dial, link, read(), batches)


async def _next_answer(exchange: Exchange, link: Attachment, hello: Hello, *, opens: bool) -> bytes:
    """Wait for what the newest poll is answered: nothing, once there is a newer one."""
    live, carrier = link.live, link.carrier
    # The answer to the last poll may be lost; the client says what it has.
    live.core.rewind(carrier, hello.received)
    live.fit.received(hello.received)
    if opens or hello.poll == 1:
        size = min(live.fit.size, MAX_PART)
        frames: list[Output] = [exchange.opening(link), *live.core.take(carrier, size)]
    else:
        frames = await link.output(size=live.fit.size)
        if frames:
            await _turns(LINGER)
            left = live.fit.size - sum(map(len, frames))
            if link.polls == hello.poll and not carrier.ended and left > 0:
                frames += live.core.take(carrier, left)
    body = joined(frames)
    live.fit.wrote(carrier.cursor, len(body))
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
