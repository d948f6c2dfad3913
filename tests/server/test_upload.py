"""The way up over HTTP: several batches on their way, and the request whose body has no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest

import byway
from byway import ClientLimits
from byway.client.channels import ClientChannel
from byway.errors import CarrierLost
from byway.handshake import CONTENT_TYPE
from byway.runtime import LiveCarrier
from byway.testing import (
    BufferRequests,
    DropPost,
    Http10,
    Latency,
    LosePostAnswer,
    Network,
    RefuseBodies,
    RefuseChunked,
    RepeatPost,
    Request,
    Rule,
)
from byway.transports import upload
from byway.transports.dial import Dial
from byway.transports.http import batches
from byway.transports.http import upload as upload_rules
from byway.transports.http.batches import BUSY
from byway.transports.http.upload import PING_INTERVAL
from tests.apps.quiet_app import SHORT
from tests.server.scene import Scene, check_error, scene
from tests.support.relay import relay
from tests.support.servers import Server, uvicorn
from tests.support.wire import CLOSE, TEXT, hello_frame, numbered, raw_exchange

COUNT = 300


@pytest.fixture
async def stage(endpoint_server: Server, http: httpx.AsyncClient) -> AsyncIterator[Scene]:
    """Give a server, and a neighbour on it."""
    async with scene(endpoint_server, http) as one:
        yield one


def mark(request: Request) -> str:
    """Return what a request has in its `Byway` header."""
    return {name.lower(): value for name, value in request.headers}.get("byway", "")


async def echo(channel: byway.Channel, count: int, pause: float = 0.0) -> None:
    """Send numbers at a pace and check that they all come back, each once and in order."""

    async def send() -> None:
        for number in range(count):
            await channel.send(f"{number} " + "x" * (number * 7 % 500))
            await asyncio.sleep(pause)

    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(send())
        for number in range(count):
            message = await channel.receive()
            assert isinstance(message, str)
            assert message.split()[0] == str(number)


async def until_posts(network: Network, count: int) -> None:
    """Wait until so many requests came."""
    await network.until(lambda: network.counters.posts >= count)


async def ping_pong(channel: byway.Channel, count: int) -> None:
    """Send one message after another, each when the one before has come back."""
    for number in range(count):
        await channel.send(str(number))
        assert await channel.receive() == str(number)


@pytest.mark.parametrize("transport", ["stream", "sse"])
async def test_a_busy_session_goes_up_in_one_request(
    transport: str, endpoint_server: Server
) -> None:
    async with (
        Network(endpoint_server.port) as network,
        byway.connect(
            network.url + "/echo", transports=[transport], proxy=None, memory=False
        ) as channel,
    ):
        await ping_pong(channel, 50)
        before = network.counters.posts
        await ping_pong(channel, COUNT)
        assert network.counters.posts == before
        await channel.send(b"x" * 500_000)  # in parts
        assert await channel.receive() == b"x" * 500_000
    assert channel.code == 1000


async def test_a_session_that_says_little_opens_no_second_request(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo", transports="stream", proxy=None, memory=False
        ) as channel:
            await ping_pong(channel, 1)
            marks = [mark(request) for request in network.requests]
    assert "up" not in marks


async def test_polls_keep_to_batches(endpoint_server: Server) -> None:
    """Where only whole answers pass, a body without an end seldom does."""
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel:
            await ping_pong(channel, 20)
            marks = [mark(request) for request in network.requests]
    assert "up" not in marks


@pytest.mark.parametrize(
    "rule", [BufferRequests(), RefuseChunked(), RefuseBodies(over=4096)], ids=repr
)
async def test_where_it_does_not_get_through_batches_go_on(
    rule: Rule, endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_rules, "PROOF_TIMEOUT", 0.2)
    async with Network(endpoint_server.port, rule) as network:
        async with byway.connect(
            network.url + "/echo", transports="stream", proxy=None, memory=False
        ) as channel:
            await echo(channel, COUNT, pause=0.002)
            tried = [one for one in network.requests if mark(one) == "up"]
            assert len(tried) <= 1, "it was tried again"
    assert channel.code == 1000


async def test_an_upload_that_is_cut_loses_nothing_and_batches_take_over(
    endpoint_server: Server,
) -> None:
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo", transports="stream", proxy=None, memory=False
        ) as channel:
            await ping_pong(channel, 50)
            before = network.counters.posts
            await ping_pong(channel, 20)
            assert network.counters.posts == before, "no upload is in use"
            sent = network.counters.bytes_up
            sending = asyncio.create_task(echo(channel, COUNT, pause=0.002))
            await network.until(lambda: network.counters.bytes_up > sent + 5_000)
            assert network.kill_connections() > 1
            cut_at = network.counters.posts
            await sending
            marks = [mark(one) for one in network.requests]
    assert marks[:cut_at].count("up") == 1
    # One of them opens the stream again.
    assert marks[cut_at:].count("1") > BUSY, "no batches have taken over"


async def test_a_batch_that_is_lost_as_an_upload_takes_over_goes_up_in_it(
    endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is said then that would show the gap."""
    batch, prove = Dial.batch, upload.UploadRequest.prove
    on_its_way, proven = asyncio.Event(), asyncio.Event()

    async def losing(dial: Dial, link: LiveCarrier, frames: bytes) -> None:
        if b"lost" not in frames:
            return await batch(dial, link, frames)
        on_its_way.set()
        await proven.wait()
        await asyncio.sleep(0.01)
        raise CarrierLost("lost")

    async def waiting(one: upload.UploadRequest, round_trip: float) -> bool:
        await on_its_way.wait()
        asked = await prove(one, round_trip)
        proven.set()
        return asked

    monkeypatch.setattr(Dial, "batch", losing)
    monkeypatch.setattr(upload.UploadRequest, "prove", waiting)
    async with byway.connect(
        endpoint_server.url("/echo"), transports="stream", proxy=None, memory=False
    ) as channel:
        await ping_pong(channel, batches.BUSY)
        await channel.send("lost")
        async with asyncio.timeout(5):
            assert await channel.receive() == "lost"


async def test_an_upload_that_is_not_heard_any_more_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy that begins to hold the body back is noticed by what is not acknowledged."""
    monkeypatch.setattr(upload_rules, "PROOF_TIMEOUT", 0.2)
    with uvicorn("tests.apps.endpoint_app:quick") as server:
        async with Network(server.port) as network:
            async with byway.connect(
                network.url + "/echo", transports="stream", proxy=None, memory=False
            ) as channel:
                await ping_pong(channel, 20)
                network.block()
                await channel.send("held")
                await asyncio.sleep(0.5)
                network.heal()
                assert await channel.receive() == "held"
        server.assert_quiet()


async def test_an_upload_that_is_cut_in_silence_costs_no_session() -> None:
    """Apache takes no more of a body that has paused for 20 s, and its response stays open.

    The words that say that a quiet client is there go into it, and to nobody.
    """
    with uvicorn("tests.apps.quiet_app:app") as server:
        async with (
            relay(server.port) as way,
            byway.connect(way.url(), transports="stream", proxy=None, memory=False) as channel,
        ):
            await ping_pong(channel, 20)
            assert way.carries(b"byway: up"), "no upload is in use"
            await asyncio.sleep(2.5 * PING_INTERVAL)  # what was said has been heard
            way.deaf_to = b"byway: up"
            await asyncio.sleep(SHORT.silence + SHORT.window + 3)
            await channel.send("after")
            async with asyncio.timeout(20):
                assert await channel.receive() == "after", channel.reason
        server.assert_quiet()


async def test_a_session_that_is_only_asked_for_round_trips_opens_no_second_request(
    endpoint_server: Server,
) -> None:
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo", transports="stream, poll", proxy=None, memory=False
        ) as channel:
            await ping_pong(channel, 1)
            live = cast(ClientChannel, channel)._live
            for _ in range(2 * BUSY):
                assert live.core.selected is not None
                wanted = network.counters.posts + 1
                live.core.ping(live.core.selected, b"12345678")
                live.dispatch()
                await until_posts(network, wanted)
            marks = [mark(request) for request in network.requests]
    assert "up" not in marks
    assert len(marks) > 2 * BUSY


@pytest.mark.parametrize("depth", [1, batches.MAX_IN_FLIGHT])
async def test_several_batches_on_their_way_keep_the_order(
    depth: int, endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_IN_FLIGHT", depth)
    async with Network(endpoint_server.port, Latency(ms=40, jitter=30)) as network:
        async with byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel:
            await echo(channel, COUNT, pause=0.003)


@pytest.mark.parametrize(
    "rules",
    [
        (Latency(ms=20, jitter=15), RepeatPost()),
        (Latency(ms=20, jitter=15), LosePostAnswer(probability=0.1, seed=3)),
        (Latency(ms=20, jitter=15), DropPost(probability=0.1, seed=3)),
        (Latency(ms=20, jitter=15), Http10()),
    ],
    ids=["repeated", "answers lost", "lost", "HTTP/1.0"],
)
async def test_batches_that_are_lost_or_repeated_lose_and_repeat_no_message(
    rules: tuple[Rule, ...], endpoint_server: Server
) -> None:
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo",
            transports="stream",
            proxy=None,
            memory=False,
            limits=ClientLimits(batch=4096, part=4096),
        ) as channel:
            network.use(*rules)
            await echo(channel, COUNT, pause=0.003)


UP = {"content-type": CONTENT_TYPE, "byway": "up"}


async def test_a_newer_upload_ends_the_older(stage: Scene) -> None:
    session = await stage.session()
    hello = hello_frame(session=session.key, instance=session.instance, answer="up", carrier=1)
    ended = asyncio.Event()

    async def body(*data: bytes) -> AsyncIterator[bytes]:
        yield hello
        for one in data:
            yield one
        await ended.wait()

    async with asyncio.timeout(20):
        first = asyncio.create_task(
            stage.http.post(stage.url, content=body(numbered(1, (TEXT, b"one"))), headers=UP)
        )
        assert await session.messages(1) == ["one"]
        second = asyncio.create_task(
            stage.http.post(stage.url, content=body(numbered(2, (TEXT, b"two"))), headers=UP)
        )
        assert await session.messages(2) == ["one", "two"]
        assert not second.done()
        ended.set()
        await asyncio.gather(first, second, return_exceptions=True)
        assert (await second).status_code == 200


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 400, "the first frame of a body must be HELLO"),
        (numbered(1, (TEXT, b"x")), 400, "the first frame of a body must be HELLO"),
        (hello_frame(answer="up"), 400, "must name its instance"),
        (hello_frame(answer="up", instance="unknown"), 410, "does not know this session"),
    ],
)
async def test_an_upload_that_begins_badly_is_refused(
    data: bytes, status: int, reason: str, stage: Scene
) -> None:
    async with stage.logs("refused POST"):
        answer = await stage.http.post(stage.url, content=data, headers=UP)
        check_error(answer, status, reason)


async def test_a_gap_in_an_upload_ends_it_and_not_the_session(stage: Scene) -> None:
    session = await stage.session()
    hello = hello_frame(session=session.key, instance=session.instance, answer="up", carrier=1)
    async with stage.logs("1 are missing"):
        answer = await stage.http.post(
            stage.url, content=hello + numbered(2, (TEXT, b"two")), headers=UP
        )
        check_error(answer, 400, "1 are missing")
    assert await session.received(numbered(1, (TEXT, b"one"))) == 1
    assert await session.messages(1) == ["one"]


async def test_an_upload_that_ends_inside_a_frame_is_refused(stage: Scene) -> None:
    session = await stage.session()
    hello = hello_frame(session=session.key, instance=session.instance, answer="up", carrier=1)
    async with stage.logs("ends inside a frame"):
        answer = await stage.http.post(
            stage.url, content=hello + numbered(1, (TEXT, b"one"))[:-1], headers=UP
        )
        check_error(answer, 400, "ends inside a frame")


async def test_an_upload_ends_with_its_session(stage: Scene) -> None:
    """The server answers it then, although its body goes on."""
    session = await stage.session()
    hello = hello_frame(session=session.key, instance=session.instance, answer="up", carrier=1)
    said = hello + numbered(1, (CLOSE, (1000).to_bytes(2, "big")))
    head = (
        "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nByway: up\r\n\r\n{len(said):x}\r\n"
    ).encode()

    async def ended() -> None:
        while not any(kind == CLOSE for kind, _ in session.frames):
            await session.poll()
        await session.poll(received=1)  # which acknowledges the server's CLOSE

    answered, _ = await asyncio.gather(
        raw_exchange(stage.server.port, head, said + b"\r\n"), ended()
    )
    status, headers, _ = answered
    assert (status, headers["byway"]) == (200, "up")
