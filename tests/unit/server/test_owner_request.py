"""The owner's end of requests that came whole, over a real pair of sockets."""

from __future__ import annotations

import asyncio

import pytest

from byway import Channel, Endpoint, ServerLimits
from byway.backplane import Link
from byway.backplane.kinds import LEAVE, REPLY
from byway.handshake import Hello
from byway.http_library import httpx
from byway.server.request_frame import pack_request, pack_whose, unpack_request
from tests.support.wire import RawSession
from tests.unit.backplane.pair import joined


async def quiet(channel: Channel) -> None:
    """Say nothing."""
    await channel.accept()
    async for _ in channel:
        pass


@pytest.mark.parametrize("together", [True, False])
async def test_a_poll_is_answered_when_its_relay_leaves(
    monkeypatch: pytest.MonkeyPatch, *, together: bool
) -> None:
    """Also where the relay says so together with the poll."""
    app = Endpoint(quiet, backplane=False, limits=ServerLimits(drain_timeout=0.1))
    tasks: list[asyncio.Task[None]] = []
    came = asyncio.Event()

    def called(link: Link, kind: int, payload: bytes) -> None:
        poll = app._relayed.serve_request(link, unpack_request(payload))
        assert poll is not None
        tasks.append(asyncio.create_task(poll))
        came.set()

    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
        joined() as (relay, owner),
    ):
        monkeypatch.setattr(owner, "called", called)
        session = await RawSession(http, "/").open()
        hello = Hello(
            key=session.key,
            carrier=1,
            received=0,
            room=1 << 20,
            instance=session.instance,
            answer="poll",
            poll=2,
        )
        if together:
            owner.connection.pause()
        link = relay.connection.carry()
        asked = pack_request(pack_whose("", None), hello, hello.frame())
        asking = asyncio.create_task(link.request(asked))
        await asyncio.sleep(0)
        if not together:
            await came.wait()
            await asyncio.sleep(0)
        link.write(LEAVE)
        await asyncio.sleep(0)
        owner.connection.read_on()
        async with asyncio.timeout(5):  # else it is held for a heartbeat, which is 25 s
            assert await asking == (REPLY, b"")
        await asyncio.wait(tasks)
        await app.drain()
