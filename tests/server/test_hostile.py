"""A hostile client knows everything but a key: it can neither read, write, end nor slow a session.

Each test is an attempt, while somebody else's session is open and goes on.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any, cast

import httpx
import pytest
import websockets

import byway
from byway.keys import new_key
from tests.server.intruder import ENTRANCES, HARM, Intruder, Known, known
from tests.support.peers import connect, exchange
from tests.support.recorder import recorder
from tests.support.servers import Server, uvicorn
from tests.support.wire import (
    ACK,
    PROTOCOL_HEADERS,
    TEXT,
    RawSession,
    encode,
    encode_ack,
    encode_ping,
    encode_select,
    hello_frame,
    numbered,
)

HEAD = (
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/byway\r\nByway: 1\r\n"
    b"Content-Length: 60000\r\n\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve an endpoint."""
    with uvicorn("tests.apps.endpoint_app:app") as one:
        yield one
    one.assert_quiet()


# With all that is known but the key


def guesses(session: Known) -> dict[str, str]:
    """Return what somebody might take for the key, who knows everything else."""
    digest = sha256(session.key.encode()).digest()
    last = "A" if session.key[-1] != "A" else "B"
    return {
        "the hash": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "the hash in hexadecimal": digest.hex(),
        "the instance": session.instance + session.instance[::-1],
        "all but the last character": session.key[:-1] + last,
        "all but the case": session.key.swapcase(),
        "the beginning": session.key[:22],
        "more": session.key + "A",
    }


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_without_the_key_nobody_gets_into_a_session(
    server: Server, http: httpx.AsyncClient, transport: str, entrance: str
) -> None:
    """It asks for the right instance, at the right URL, with the ids of the carriers in use."""
    async with connect(server.url("/echo"), transport) as channel:
        session = known(channel)
        assert await exchange(channel, "before") == ["before"]
        carriers = [*cast(Any, channel)._live.carriers, 99]
        for name, guess in guesses(session).items():
            for carrier in carriers:
                status, text = await Intruder(server, http).attempt(
                    entrance, Known(guess, session.instance), carrier=carrier
                )
                if entrance.startswith("join"):
                    assert status in (200, 101), name  # a session of its own, which ends here
                else:
                    assert (status, text) == (410, "this server does not know this session\n"), name
        assert await exchange(channel, "after") == ["after"], "nothing was said, moved or ended"
        assert channel.code is None


async def test_frames_reach_only_the_session_of_their_hello(
    server: Server, http: httpx.AsyncClient, transport: str
) -> None:
    """Carriers, choices and numbers of another session mean nothing in one's own."""
    async with connect(server.url("/echo"), transport) as channel:
        assert await exchange(channel, "before") == ["before"]
        own = await RawSession(http, server.url("/echo")).open()
        for carrier in range(10):
            frames = encode_select(carrier + 1, carrier) + encode_ping(carrier, b"p")
            await own.batch(frames + encode_ack(0, 0xFFFF_FFFF))
        await own.batch(HARM)
        assert await exchange(channel, "after") == ["after"]


# With what a proxy has seen


@pytest.mark.parametrize("path", ["/echo", "/push?count=200"])
async def test_requests_that_a_proxy_repeats_change_nothing(
    server: Server, transport: str, path: str
) -> None:
    """They hold the key. Each is sent again after each message, and all of them after the end."""
    mark = server.log.mark()
    async with recorder(server.port) as proxy:
        async with connect(proxy.url(path), transport) as channel:
            name = cast(Any, channel)._live.name
            replayed: list[bytes] = []
            if path == "/echo":
                for number in range(12):
                    assert await exchange(channel, str(number)) == [str(number)]
                    for request in proxy.requests:
                        replayed.append(await proxy.replay(request))
            else:
                for number in range(200):
                    await channel.send(f"up {number}")
                    if number % 50 == 0:
                        for request in proxy.requests:
                            replayed.append(await proxy.replay(request))
                    assert await channel.receive() == f"down {number}"
                assert await channel.receive() == "in order", "nothing was doubled on the way up"
            assert channel.code is None, "not ended by a repeated CLOSE either"
            assert channel.transport == transport
        # sse-starlette writes nothing to a client that has closed its own side, as a replay does.
        assert any(replayed) or (transport == "sse" and replayed), "else nothing was repeated"
        ended = proxy.requests
        for request in ended:
            await proxy.replay(request)
    opened = [line for line in server.log.since(mark) if f"session {name} opened" in line]
    assert len(opened) == 1, "the handler ran once"


async def test_old_requests_neither_double_nor_move_nor_end_a_session(
    server: Server, http: httpx.AsyncClient
) -> None:
    """One by one, by hand, on a session of two carriers."""
    session = RawSession(http, server.url("/echo"))
    opening = session.hello(answer="poll", poll=1)
    assert (await session.poll()).status_code == 200
    first = session.hello(answer="ack") + numbered(1, (TEXT, b"one"))
    choice = session.hello(answer="ack") + encode_select(1, 1)
    assert (await session.post(first)).status_code == 200
    assert (await session.post(choice)).status_code == 200
    assert await session.messages(1) == ["one"]
    second_poll = session.hello(answer="poll", poll=2)

    # It moves to another carrier, and says so.
    assert (await session.poll(carrier=2, poll=1, received=1)).status_code == 200
    assert (await session.batch(encode_select(2, 2))).status_code == 200

    for old in (first, choice, opening, second_poll, first, choice):
        answer = await session.post(old)
        assert answer.status_code == 200
        if old is not second_poll:  # the newest of its carrier is answered as it was, by number
            assert b"one" not in answer.content, "it was acknowledged: nothing of it comes again"

    assert await session.received(numbered(2, (TEXT, b"two"))) == 2
    answer = await session.poll(carrier=2, poll=2, received=1)
    assert b"two" in answer.content, "the carrier chosen last is still the one"
    assert session.texts.count("one") == session.texts.count("two") == 1

    # The end, and everything again.
    close = session.hello(answer="ack") + numbered(3, (4, b"\x03\xe8"))
    assert (await session.post(close)).status_code == 200
    assert (await session.post(close)).status_code == 200, "while it closes: the same answer"
    await session.poll(carrier=2, poll=3, received=2)
    await session.batch(encode_ack(3, 0), received=3)
    for old in (opening, first, choice, second_poll, close):
        assert (await session.post(old)).status_code == 410


async def test_a_choice_repeated_from_another_carrier_is_ignored(
    server: Server, http: httpx.AsyncClient
) -> None:
    """Else a proxy would move the client to a carrier that it has left."""
    session = await RawSession(http, server.url("/echo")).open()
    old = session.hello(answer="ack") + encode_select(1, 1)
    await session.post(old)
    await session.poll(carrier=2, poll=1)
    await session.batch(encode_select(2, 2))
    await session.post(old)
    waiting = asyncio.create_task(session.poll(carrier=2, poll=2))
    await session.received(numbered(1, (TEXT, b"x")))
    assert b"x" in (await waiting).content


# With many requests


@asynccontextmanager
async def neighbour(server: Server) -> AsyncIterator[byway.Channel]:
    """Open the session that must not notice."""
    async with connect(server.url("/echo"), "stream") as channel:
        assert await exchange(channel, "x") == ["x"]
        yield channel


ATTACKERS = 8
"""Requests of a flood that are on their way at once."""


def openings() -> bytes:
    """Open a session, with a word for its handler."""
    return hello_frame(answer="poll", poll=1) + numbered(1, (TEXT, b"x"))


FLOODS: dict[str, Callable[[], bytes]] = {
    "openings": openings,
    "huge hellos": lambda: hello_frame(more="x" * 60_000),
    "empty frames": lambda: hello_frame(answer="poll", poll=1) + encode(200) * 12_000,
    "unknown sessions": lambda: hello_frame(instance="noinstance", answer="ack"),
    "keys that are none": lambda: hello_frame(session="x" * 30),
    "no frames": lambda: b"\xff" * 60_000,
    "pings": lambda: hello_frame(answer="poll", poll=1) + encode_ping(1, b"x" * 64) * 800,
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_does_not_keep_a_neighbour_from_its_turn(server: Server, kind: str) -> None:
    """Of eight attackers and one neighbour, each gets its turn: counts are compared, not times."""
    requests = 160
    done = 0
    async with neighbour(server) as channel, AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=ATTACKERS)
        http = await stack.enter_async_context(
            httpx.AsyncClient(trust_env=False, timeout=30, limits=limits)
        )

        async def attack() -> None:
            nonlocal done
            while done < requests:
                done += 1
                answer = await http.post(
                    server.url("/echo"), content=FLOODS[kind](), headers=PROTOCOL_HEADERS
                )
                assert answer.status_code in (200, 400, 410, 413), answer.text

        flood = asyncio.gather(*(attack() for _ in range(ATTACKERS)))
        echoes = 0
        while not flood.done():
            assert await exchange(channel, str(echoes)) == [str(echoes)]
            echoes += 1
        await flood
        # A fair turn is one echo, which takes a request and an answer, for some twice eight.
        assert echoes * ATTACKERS * 8 >= requests


@pytest.mark.parametrize("sent", [b"", HEAD[:40], HEAD, HEAD + bytes(30_000)])
async def test_connections_that_end_nothing_do_not_hold_a_neighbour(
    server: Server, sent: bytes
) -> None:
    """Two hundred connections say nothing, or half a head, or half a body, all the while."""
    async with neighbour(server) as channel:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)]
        try:
            for _, writer in held:
                writer.write(sent)
                await writer.drain()
            for number in range(50):
                assert await exchange(channel, str(number)) == [str(number)]
            assert not any(reader.at_eof() for reader, _ in held), "they are still there"
            async with connect(server.url("/echo"), "poll") as another:
                assert await exchange(another, "new ones come in too") == ["new ones come in too"]
        finally:
            for _, writer in held:
                writer.transport.abort()


async def test_many_carriers_of_one_session_do_not_hold_a_neighbour(
    server: Server, http: httpx.AsyncClient
) -> None:
    """Of a hundred answers that nobody reads, eight stay."""
    own = await RawSession(http, server.url("/echo")).open()
    async with neighbour(server) as channel:
        held = []
        for carrier in range(2, 102):
            body = own.hello(answer="stream", carrier=carrier)
            head = HEAD.replace(b"60000", str(len(body)).encode())
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head + body)
            await reader.readuntil(b"\r\n\r\n")
            held.append((reader, writer))
            if carrier % 10 == 0:
                assert await exchange(channel, str(carrier)) == [str(carrier)]
        async with asyncio.timeout(10):
            for reader, _ in held[:92]:
                await reader.readuntil(b"\r\n0\r\n\r\n")  # the end of a chunked answer
        assert await own.received(numbered(1, (TEXT, b"x"))) == 1
        for _, writer in held:
            writer.transport.abort()


async def test_a_slow_reader_holds_only_its_own_handler(
    server: Server, http: httpx.AsyncClient
) -> None:
    """It has much sent to it, and reads nothing: `send()` of its handler waits, no other's."""
    own = await RawSession(http, server.url("/push?count=100000&size=1000")).open()
    body = own.hello(answer="stream", carrier=2, room=1 << 30)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        HEAD.replace(b"/echo", b"/push?count=100000&size=1000").replace(
            b"60000", str(len(body)).encode()
        )
        + body
    )
    async with neighbour(server) as channel:
        for number in range(50):
            assert await exchange(channel, str(number)) == [str(number)]
    writer.transport.abort()


# Up to the bounds


async def test_one_address_cannot_take_the_places_of_another() -> None:
    """The flood comes from 127.0.0.2, the others from 127.0.0.1."""
    with uvicorn("tests.apps.secure_app:shared") as one:
        url = one.url("/echo")
        async with neighbour(one) as channel:
            elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
            async with httpx.AsyncClient(transport=elsewhere, timeout=10) as http:
                answers = []
                for _ in range(20):
                    session = RawSession(http, url)
                    answers.append(await session.poll())
                statuses = [answer.status_code for answer in answers]
                assert statuses == [200, 200] + [429] * 18
                assert answers[-1].headers["byway"] == "error"
                assert int(answers[-1].headers["retry-after"]) > 0
                assert answers[-1].text == "this address already has 2 sessions, its maximum\n"
            async with connect(url, "poll") as another:
                assert await exchange(another, "a place is left") == ["a place is left"]
            assert await exchange(channel, "after") == ["after"]
    one.assert_quiet()


async def test_the_slowest_of_too_many_bodies_is_given_up() -> None:
    """Their bytes together are bounded; the newcomer is served, the oldest answered 503."""
    with uvicorn("tests.apps.secure_app:crowded") as one:
        async with neighbour(one) as channel:
            held = []
            for _ in range(4):
                reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
                writer.write(HEAD + bytes(30_000))
                await writer.drain()
                held.append((reader, writer))
                assert await exchange(channel, "x") == ["x"]
            async with asyncio.timeout(10):
                for reader, _ in held[:2]:
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 503")
                    assert b"byway: error" in head.lower()
                    assert b"retry-after: " in head.lower()
            assert not any(reader.at_eof() for reader, _ in held[2:])
            for number in range(20):
                assert await exchange(channel, str(number)) == [str(number)]
            for _, writer in held:
                writer.transport.abort()
    one.assert_quiet()


async def test_bodies_that_are_given_up_leave_room_behind() -> None:
    """Many come and go; if any were still counted, honest ones would be given up at the end."""
    with uvicorn("tests.apps.secure_app:crowded") as one:
        async with neighbour(one) as channel:
            for _ in range(20):
                _, writer = await asyncio.open_connection("127.0.0.1", one.port)
                writer.write(HEAD + bytes(30_000))
                await writer.drain()
                assert await exchange(channel, "x" * 2000) == ["x" * 2000]
                writer.transport.abort()
            async with httpx.AsyncClient(trust_env=False) as http:
                session = await RawSession(http, one.url("/echo")).open()

                async def pieces() -> AsyncIterator[bytes]:
                    yield session.hello(answer="ack")
                    yield numbered(1, (TEXT, b"x" * 8000))

                answer = await http.post(
                    one.url("/echo"), content=pieces(), headers=PROTOCOL_HEADERS
                )
                assert answer.status_code == 200
                assert answer.content[0] == ACK
    one.assert_quiet()


async def test_a_websocket_message_of_too_many_frames_is_refused(server: Server) -> None:
    """Servers let 16 MiB through, which are three million frames."""
    async with neighbour(server) as channel:
        token = f"byway.1.{new_key()}.0.1048576.1"
        async with websockets.connect(
            server.url("/echo", scheme="ws"),
            subprotocols=[websockets.Subprotocol(one) for one in ("byway.1", token)],
            proxy=None,
            compression=None,
        ) as socket:
            await socket.send(encode(200) * 300_000)
            await socket.wait_closed()
            assert socket.close_code == 1009
            assert "over the bound of 1048576 bytes" in (socket.close_reason or "")
        assert await exchange(channel, "after") == ["after"]


async def test_a_websocket_offers_no_more_subprotocols_than_a_hello(server: Server) -> None:
    many, long = (
        [f"p{number}" for number in range(33)],
        ["p" * 228 + str(number) for number in range(9)],
    )
    for names in (many, long):
        offers = ["byway.1", f"byway.1.{new_key()}.0.0.1", *names]
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with websockets.connect(
                server.url("/echo", scheme="ws"),
                subprotocols=[websockets.Subprotocol(one) for one in offers],
                proxy=None,
            ):
                pass
        assert caught.value.response.status_code == 400
        words = b"a list of at most 32 tokens, of 2048 bytes together"
        assert words in bytes(caught.value.response.body or b"")


async def test_a_readers_session_takes_no_frames(http: httpx.AsyncClient) -> None:
    """Its key stands in its ids, so whoever reads could speak; nothing but reading is let in."""
    with uvicorn("tests.apps.readers_app:app") as one:
        url = one.url("/count?count=3")
        async with http.stream("GET", url, headers={"accept": "text/event-stream"}) as answer:
            lines = answer.aiter_lines()
            while not (line := await anext(lines)).startswith("id: "):
                pass
            key = line.removeprefix("id: ").partition(".")[0]
            intruder = Intruder(one, http, path="/count?count=3")
            for entrance in ENTRANCES:
                status, _ = await intruder.attempt(entrance, Known(key, "instance"))
                assert status == 410, entrance
    one.assert_quiet()
