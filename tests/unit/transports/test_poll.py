"""Polls on the server: how successive requests make one carrier."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from byway.errors import FrameError
from byway.frames import NAMES, TEXT, decode_all
from byway.handshake import Hello
from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.transports.base import Event, Exchange
from byway.transports.poll import Poll
from tests.unit.clock import now, settle, timed

LIMITS = ServerLimits(heartbeat=10)
KEY = "Kx3vT8qLw2ZrN5yBhE7uJd"


@dataclass
class Server:
    """A session, and polls that ask for it.

    Attributes:
        live: the session.
    """

    live: LiveSession = field(default_factory=lambda: LiveSession(LIMITS, name="test"))

    def poll(self, count: int, *, received: int = 0, carrier: int = 1) -> asyncio.Task[bytes]:
        """Begin a poll; its task returns the body of the answer."""
        hello = Hello(
            key=KEY, carrier=carrier, received=received, room=20_000, answer="poll", poll=count
        )

        async def answered() -> bytes:
            events: list[Event] = []

            async def send(event: Event) -> None:
                events.append(event)

            async def receive() -> Event:
                raise AssertionError("the body was read already")

            exchange = Exchange(
                scope={},
                receive=receive,
                send=send,
                limits=LIMITS,
                instance="i",
                transports=("poll",),
                subprotocol=None,
                headers=[],
            )
            self.live.acknowledge(hello.received, hello.room)
            await Poll().serve(exchange, self.live, hello)
            assert dict(events[0]["headers"])[b"content-length"] == b"%d" % len(events[1]["body"])
            body: bytes = events[1]["body"]
            return body

        return asyncio.create_task(answered())


def texts(body: bytes) -> list[bytes]:
    """Return the payloads of the texts in an answer."""
    return [payload for kind, payload in decode_all(body, max_frame=20_000) if kind == TEXT]


def names(body: bytes) -> list[str]:
    """Return the names of the frames in an answer."""
    return [NAMES[kind] for kind, _ in decode_all(body, max_frame=20_000)]


@timed
async def test_the_first_poll_is_answered_at_once_with_open_and_what_is_there() -> None:
    server = Server()
    await server.live.send("early")
    body = await server.poll(1)
    assert names(body)[0] == "OPEN"
    assert texts(body) == [b"early"]


@timed
async def test_a_later_poll_is_held_until_there_is_something_to_say() -> None:
    server = Server()
    await server.poll(1)
    held = server.poll(2)
    await settle()
    assert not held.done()
    await server.live.send("now")
    assert texts(await held) == [b"now"]
    assert now() == 1_000


@timed
async def test_a_poll_is_held_no_longer_than_a_heartbeat() -> None:
    server = Server()
    await server.poll(1)
    assert names(await server.poll(2)) == ["ACK"]
    assert now() == 1_000 + LIMITS.heartbeat


@timed
async def test_without_the_count_an_older_poll_would_take_the_newer_one_s_messages() -> None:
    server = Server()
    await server.poll(1)
    older = server.poll(2)
    await settle()
    newer = server.poll(3)
    await settle()
    assert await older == b""
    await server.live.send("for the newer")
    assert texts(await newer) == [b"for the newer"]


@timed
async def test_a_late_older_poll_is_answered_empty_and_ends_nothing() -> None:
    server = Server()
    await server.poll(1)
    newer = server.poll(5)
    await settle()
    assert await server.poll(4) == b""
    assert not newer.done()
    await server.live.send("x")
    assert texts(await newer) == [b"x"]


@timed
async def test_what_a_lost_answer_carried_comes_again_with_the_next_poll() -> None:
    server = Server()
    await server.poll(1)
    await server.live.send("lost")
    assert texts(await server.poll(2)) == [b"lost"]
    assert texts(await server.poll(3, received=0)) == [b"lost"]
    held = server.poll(4, received=1)
    await server.live.send("next")
    assert texts(await held) == [b"next"]


@timed
async def test_with_no_poll_for_two_heartbeats_the_carrier_has_ended() -> None:
    server = Server()
    await server.poll(1)
    await asyncio.sleep(2 * LIMITS.heartbeat - 1)
    assert list(server.live.carriers) == [1]
    await server.poll(2)  # held for a heartbeat, which does not count
    await asyncio.sleep(2 * LIMITS.heartbeat - 1)
    assert list(server.live.carriers) == [1]
    await asyncio.sleep(2)
    assert list(server.live.carriers) == []


@timed
async def test_a_client_that_polls_on_after_that_gets_a_carrier_again() -> None:
    server = Server()
    await server.poll(1)
    await asyncio.sleep(2 * LIMITS.heartbeat + 1)
    assert names(await server.poll(2))[0] == "OPEN"
    assert list(server.live.carriers) == [1]


@timed
async def test_a_poll_without_a_count_or_on_another_transport_s_carrier_is_refused() -> None:
    server = Server()
    with pytest.raises(FrameError, match="count from 1"):
        await server.poll(0)
    server.live.attach(7, "stream", ordered=True)
    with pytest.raises(FrameError, match="not a poll") as caught:
        await server.poll(1, carrier=7)
    assert caught.value.status == 409


@timed
async def test_a_repeated_poll_is_answered_as_the_first() -> None:
    """A proxy that repeats a POST may hand on the answer to either copy.

    Otherwise nothing would ever come through one that repeats all and hands on the last answer.
    """
    server = Server()
    await server.live.send("early")
    bodies = [await server.poll(1), await server.poll(1)]
    assert names(bodies[0])[0] == "OPEN"
    assert bodies[0] == bodies[1]
    assert len(server.live.carriers) == 1
    held = [server.poll(2, received=1), server.poll(2, received=1)]
    await settle()
    assert not any(one.done() for one in held)
    server.live.core.ping(server.live.carriers[1].core, b"nonce")
    await server.live.send("now")
    bodies = [await one for one in held] + [await server.poll(2, received=1)]
    assert names(bodies[0]) == ["PING", "NEXT", "TEXT"]
    assert bodies == bodies[:1] * 3
    assert texts(await server.poll(3, received=1)) == [b"now"], "it was not taken for received"


@timed
async def test_the_client_of_a_first_copy_may_leave() -> None:
    server = Server()
    await server.poll(1)
    copies = [server.poll(2), server.poll(2)]
    await settle()
    copies[1].cancel()
    await settle()
    await server.live.send("now")
    assert texts(await copies[0]) == [b"now"]


@timed
async def test_answers_that_do_not_arrive_become_smaller_down_to_one_frame() -> None:
    """Where a path cuts answers after so many bytes, the same one would never pass."""
    server = Server()
    await server.poll(1)
    for _ in range(4):
        await server.live.send("x" * 9000)
    assert [len(texts(await server.poll(2 + n))) for n in range(4)] == [3, 2, 1, 1]
    assert len(texts(await server.poll(1, carrier=2))) == 1, "on a new carrier too"


@timed
async def test_the_answer_that_opens_is_small() -> None:
    server = Server()
    for _ in range(16):
        await server.live.send("x" * 4000)
    assert len(await server.poll(1)) < 16 * 1024 + 4000 + 1000
