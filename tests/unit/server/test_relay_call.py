"""The relay's end of a call, on a link: what goes along with it, and when it is given back."""

from __future__ import annotations

import asyncio

import pytest

from byway.backplane import Link, LinkLost
from byway.backplane.kinds import ACCEPT, BODY, CLOSE, END, LEAVE, START
from byway.server.call import Call
from byway.server.relay_call import ALONG, RelayedCall
from byway.transports.base import Event
from tests.unit.backplane.pair import End, joined

HEAD = b'{"status":200,"headers":[["byway","ack"]]}'
RESPONSE: list[Event] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"byway", b"ack")]},
    {"type": "http.response.body", "body": b"acknowledged", "more_body": False},
]


class Post:
    """A request whose body has been read.

    Attributes:
        sent: what its client got.
    """

    def __init__(self, link: Link) -> None:
        self.sent: list[Event] = []
        scope = {"type": "http", "headers": []}
        self.over = RelayedCall(Call(scope, self._receive, self._send), link)

    async def _receive(self) -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, event: Event) -> None:
        self.sent.append(event)

    async def run(self, body: bytes, *, brief: bool) -> None:
        await self.over.run(b"{}", body, more=False, lasting=False, brief=brief, leaving=False)


async def respond(link: Link) -> None:
    link.write(START, HEAD)
    link.write(END, b"acknowledged")


async def test_a_short_body_and_the_end_go_along_with_a_brief_call() -> None:
    """All that the owner needs is there with the call, and nothing has to follow its response."""
    async with joined() as (relay, owner):
        for body in (b"", b"a batch", b"x" * ALONG):
            post = Post(relay.connection.carry())
            task = asyncio.create_task(post.run(body, brief=True))
            link, _ = await owner.served()
            assert link.unread  # at once, before anything is said to the relay
            expected = [(BODY, body)] if body else []
            for frame in [*expected, (BODY, b""), (END, b"")]:
                assert await link.receive() == frame
            post.over.leave()  # which it is too late for
            await respond(link)
            assert link.over
            link.free()
            await task
            assert post.sent == RESPONSE
        assert (relay.frees, owner.frees) == (3, 3)
        assert relay.error is owner.error is None


@pytest.mark.parametrize("size", [10, ALONG + 1, 200_000])
async def test_before_the_end_of_a_call_that_lasts_the_relay_may_speak(size: int) -> None:
    async with joined() as (relay, owner):
        post = Post(relay.connection.carry())
        task = asyncio.create_task(post.run(b"x" * size, brief=False))
        link, _ = await owner.served()
        assert await link.receive() == (BODY, b"x" * size)
        assert await link.receive() == (BODY, b"")
        post.over.leave()
        assert await link.receive() == (LEAVE, b"")
        await respond(link)
        assert await link.receive() == (END, b"")
        link.free()
        await task
        assert post.sent == RESPONSE
        assert (relay.frees, owner.frees) == (1, 1)


async def test_a_long_body_waits_until_the_owner_has_taken_the_call() -> None:
    async with joined() as (relay, owner):
        owner.connection.pause()  # as where its process is stopped
        post = Post(relay.connection.carry())
        task = asyncio.create_task(post.run(b"x" * 1_000_000, brief=True))
        await asyncio.sleep(0)
        assert not relay.connection.full
        owner.connection.read_on()
        link, _ = await served_whole(owner)
        await respond(link)
        assert await link.receive() == (END, b"")
        await task
        assert post.sent == RESPONSE


async def served_whole(owner: End) -> tuple[Link, bytes]:
    """Return the next call, and its body."""
    link, _ = await owner.served()
    parts = []
    while part := (await link.receive())[1]:
        parts.append(part)
    return link, b"".join(parts)


@pytest.mark.parametrize("ended", [True, False], ids=["behind END", "before END"])
async def test_a_websocket_that_is_closed_is_not_closed_again(ended: bool) -> None:
    """An owner that leaves may cut its link behind the last frame; servers take no second close."""
    sent: list[Event] = []

    async def receive() -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(event: Event) -> None:
        sent.append(event)
        if event["type"] == "websocket.close":
            relay.connection.end(LinkLost("the owner leaves"))

    async with joined() as (relay, owner):
        scope = {"type": "websocket", "headers": []}
        over = RelayedCall(Call(scope, receive, send), relay.connection.carry())
        task = asyncio.create_task(
            over.run(b"{}", b"", more=False, lasting=False, brief=False, leaving=False)
        )
        link, _ = await owner.served()
        link.write(ACCEPT, b'{"subprotocol":null,"headers":[]}')
        link.write(CLOSE, b'{"code":1012,"reason":""}')
        if ended:
            link.write(END)
        await task
        assert [event["type"] for event in sent] == ["websocket.accept", "websocket.close"]
