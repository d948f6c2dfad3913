"""Bad input over HTTP: each kind has its own answer and one line in the log.

In every test another session is open at the same time, and does not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from byway.frames import decode_all, decode_close, encode_pong
from byway.keys import new_key
from tests.apps.limits import KIB, SMALL
from tests.server.scene import Scene, check_error, scene
from tests.support.peers import connect, exchange
from tests.support.servers import Server, uvicorn
from tests.support.wire import (
    ACK,
    BINARY,
    CLOSE,
    HELLO,
    NEXT,
    PART,
    PROTOCOL_HEADERS,
    TEXT,
    RawSession,
    encode,
    encode_ack,
    encode_close,
    encode_next,
    encode_ping,
    hello_frame,
    numbered,
    raw_exchange,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve the endpoint with small bounds."""
    with uvicorn("tests.apps.small_app:app") as one:
        yield one
    one.assert_quiet()


@pytest.fixture
async def stage(server: Server, http: httpx.AsyncClient) -> AsyncIterator[Scene]:
    """Set the scene."""
    async with scene(server, http) as one:
        yield one


# The request itself


async def test_a_wrong_content_type(stage: Scene) -> None:
    async with stage.logs("refused POST /echo from 127.0.0.1: 415 "):
        answer = await stage.post(hello_frame(), **{"content-type": "text/plain"})
    check_error(answer, 415, "the content type must be application/byway")


async def test_a_missing_byway_header(stage: Scene) -> None:
    headers = {"content-type": "application/byway"}
    async with stage.logs("400 the request header Byway: 1 is missing"):
        answer = await stage.http.post(stage.url, content=hello_frame(), headers=headers)
    check_error(answer, 400, "the request header Byway: 1 is missing")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method(stage: Scene, method: str) -> None:
    async with stage.logs(f"refused {method} /echo from 127.0.0.1: 405 "):
        answer = await stage.http.request(method, stage.url, headers=PROTOCOL_HEADERS)
    check_error(answer, 405, f"byway's requests use POST, not {method}")
    assert answer.headers["allow"] == "POST"


async def test_a_foreign_page(stage: Scene) -> None:
    async with stage.logs("403 pages of https://evil.example may not use this endpoint"):
        answer = await stage.post(hello_frame(), origin="https://evil.example")
    check_error(answer, 403, "pages of https://evil.example may not use this endpoint")


async def test_a_body_over_the_bound_that_says_so(stage: Scene) -> None:
    """It is refused by its Content-Length, before it was read."""
    head = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/byway\r\nByway: 1\r\n"
        b"Content-Length: 65537\r\n\r\n"
    )
    async with stage.logs("413 the request body is longer than 65536 bytes"):
        status, headers, body = await raw_exchange(stage.server.port, head)
    assert (status, headers["byway"]) == (413, "error")
    assert body == b"the request body is longer than 65536 bytes\n"


async def test_a_body_over_the_bound_that_comes_in_chunks(stage: Scene) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield bytes(KIB)

    async with stage.logs("413 the request body is longer than 65536 bytes"):
        answer = await stage.http.post(stage.url, content=pieces(), headers=PROTOCOL_HEADERS)
    check_error(answer, 413, "the request body is longer than 65536 bytes")


async def test_a_body_that_takes_too_long(stage: Scene) -> None:
    head = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/byway\r\nByway: 1\r\n"
        b"Content-Length: 100\r\n\r\n"
    )
    async with stage.logs("408 the request body did not arrive within 0.5 s"):
        status, headers, body = await raw_exchange(stage.server.port, head, b"a piece")
    assert (status, headers["byway"]) == (408, "error")
    assert body == b"the request body did not arrive within 0.5 s\n"


async def test_a_client_that_leaves_inside_its_body(stage: Scene) -> None:
    """Nobody is there to answer; it is ordinary, and no line of the log."""
    head = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/byway\r\nByway: 1\r\n"
        b"Content-Length: 100\r\n\r\n"
    )
    async with stage.logs():
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
        writer.write(head + b"a piece")
        await writer.drain()
        writer.transport.abort()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)


# HELLO

HELLOS: dict[str, tuple[bytes, int, str]] = {
    "empty body": (b"", 400, "the first frame of a body must be HELLO"),
    "no hello": (numbered(1, (TEXT, b"x")), 400, "the first frame of a body must be HELLO"),
    "no json": (encode(HELLO, b"{not json"), 400, "HELLO"),
    "no utf-8": (encode(HELLO, b"\xff\xfe"), 400, "HELLO"),
    "no object": (encode(HELLO, b"[]"), 400, "HELLO"),
    "deep json": (encode(HELLO, b"[" * 500 + b"]" * 500), 400, "HELLO"),
    "another version": (hello_frame(v=2), 400, "speaks version 2, this side speaks 1"),
    "no version": (hello_frame(v=...), 400, "version"),
    "short key": (hello_frame(session="tooshort"), 400, "'session' must be 22 to 86 characters"),
    "long key": (hello_frame(session="x" * 87), 400, "'session' must be 22 to 86 characters"),
    "key of other characters": (hello_frame(session="/" * 30), 400, "'session' must be"),
    "no key": (hello_frame(session=...), 400, "'session' must be"),
    "carrier 0": (hello_frame(carrier=0), 400, "'carrier' must be an integer from 1"),
    "carrier true": (hello_frame(carrier=True), 400, "'carrier' must be an integer"),
    "negative received": (hello_frame(received=-1), 400, "'received' must be an integer from 0"),
    "room of text": (hello_frame(room="1"), 400, "'room' must be an integer"),
    "bad subprotocol": (hello_frame(subprotocols=["a b"]), 400, "'subprotocols' must be"),
    "unknown answer": (hello_frame(answer="pigeon"), 406, "'pigeon' is not offered; these are:"),
    "websocket by post": (hello_frame(answer="websocket"), 406, "does not fit this kind of call"),
    "poll without count": (hello_frame(answer="poll"), 400, "'poll' must count from 1"),
    "batch without instance": (hello_frame(answer="ack"), 400, "a batch must name its instance"),
    "too long": (hello_frame(more="x" * KIB), 400, "HELLO is over the bound of 1024 bytes"),
}


@pytest.mark.parametrize("name", HELLOS)
async def test_a_wrong_hello(stage: Scene, name: str) -> None:
    body, status, reason = HELLOS[name]
    async with stage.logs(reason):
        answer = await stage.post(body)
    check_error(answer, status, reason)


async def test_an_unknown_field_of_hello_is_passed_over(stage: Scene) -> None:
    """A newer client may say more."""
    async with stage.logs():
        session = RawSession(stage.http, stage.url)
        assert (await session.poll(future={"a": 1})).status_code == 200


async def test_the_key_is_never_echoed_or_logged(stage: Scene) -> None:
    key = "secret/" + new_key()
    mark = stage.server.log.mark()
    answer = await stage.post(hello_frame(session=key))
    assert answer.status_code == 400
    assert "secret" not in answer.text
    await stage.server.log.seen("refused", since=mark)
    assert not [line for line in stage.server.log.lines if "secret" in line]


# Sessions that are not there


async def test_resuming_an_unknown_session(stage: Scene) -> None:
    async with stage.logs("410 this server does not know this session"):
        answer = await stage.post(hello_frame(instance="nosuchinstance"))
    check_error(answer, 410, "this server does not know this session")


async def test_a_batch_for_an_unknown_session(stage: Scene) -> None:
    async with stage.logs("410 this server does not know this session"):
        answer = await stage.post(hello_frame(instance="nosuchinstance", answer="ack"))
    check_error(answer, 410, "this server does not know this session")


async def test_another_instance_of_a_session_that_is_here(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs("410 this session runs in another instance"):
        answer = await session.batch(b"", instance="anotherinstance")
    check_error(answer, 410, "this session runs in another instance")
    assert await session.received() == 0, "the session itself goes on"


async def test_a_repeated_opening_of_a_session_that_ended_runs_no_handler(stage: Scene) -> None:
    """A proxy may repeat a POST minutes later."""
    session = await stage.session()
    opening = hello_frame(session=session.key, answer="poll", poll=1)
    await session.received(numbered(1, (CLOSE, b"\x03\xe8")))
    while not any(kind == CLOSE for kind, _ in session.frames):
        await session.poll()
    gone = await session.batch(encode_ack(session.numbered, 0), received=session.numbered)
    assert gone.status_code == 200
    async with stage.logs():  # it is nobody's fault
        answer = await stage.post(opening)
    check_error(answer, 410, "this session has ended")


async def test_an_application_that_does_not_answer_the_handshake(stage: Scene) -> None:
    session = RawSession(stage.http, stage.server.url("/never"))
    async with stage.logs("504 the application neither accepted nor refused within 1 s"):
        answer = await session.poll()
    check_error(answer, 504, "the application neither accepted nor refused within 1 s")


async def test_one_session_too_many(http: httpx.AsyncClient) -> None:
    with uvicorn("tests.apps.small_app:crowded") as crowded:
        async with scene(crowded, http) as stage:
            session = await stage.session()  # the second of two
            async with stage.logs("503 the server already has 2 sessions"):
                answer = await stage.post(hello_frame())
            check_error(answer, 503, "the server already has 2 sessions")
            assert int(answer.headers["retry-after"]) > 0
            assert await session.received(numbered(1, (TEXT, b"x"))) == 1, "old ones are served"


# Frames

FRAMES: dict[str, tuple[bytes, int, str]] = {
    "unknown numbered type": (encode(9, b"x"), 400, "frame type 9 is numbered and unknown"),
    "type 0": (encode(0, b""), 400, "frame type 0 is numbered and unknown"),
    "length over the bound": (
        b"\x01\x00\x00\x20\x01",
        413,
        "a frame of 8193 bytes is over the bound of 8192",
    ),
    "huge length": (b"\x18\xff\xff\xff\xff", 413, "a frame of 4294967295 bytes is over"),
    "truncated header": (b"\x01\x00", 400, "the body ends inside a frame"),
    "truncated payload": (b"\x01\x00\x00\x00\x05abc", 400, "the body ends inside a frame"),
    "no number": (encode(TEXT, b"x"), 400, "a numbered frame came before NEXT"),
    "number 0": (encode_next(0), 400, "NEXT names number 0"),
    "short NEXT": (encode(NEXT, b"\0"), 400, "NEXT has a payload of 8 bytes, this one has 1"),
    "short ACK": (encode(ACK, b"\0"), 400, "ACK has a payload of 12 bytes, this one has 1"),
    "ACK beyond what was sent": (
        encode_ack(1, 0),
        400,
        "the peer says that it received 1 frames, only 0 were sent",
    ),
    "text that is no utf-8": (
        numbered(1, (TEXT, b"\xff")),
        400,
        "a TEXT message is not UTF-8",
    ),
    "empty part": (numbered(1, (PART, b"")), 400, "PART is empty"),
    "close inside a message": (
        numbered(1, (PART, b"x"), (CLOSE, b"\x03\xe8")),
        400,
        "CLOSE came inside a message",
    ),
    "close without a code": (numbered(1, (CLOSE, b"\x03")), 400, "CLOSE is shorter than its code"),
    "close code 1006": (numbered(1, (CLOSE, b"\x03\xee")), 400, "CLOSE carries the code 1006"),
    "close reason that is no utf-8": (
        numbered(1, (CLOSE, b"\x03\xe8\xff")),
        400,
        "the reason of CLOSE is not UTF-8",
    ),
    "data after close": (
        numbered(1, (CLOSE, b"\x03\xe8"), (TEXT, b"x")),
        400,
        "a numbered frame came after CLOSE",
    ),
    "ping that is too long": (encode_ping(1, bytes(65)), 400, "PING and PONG carry 4 bytes"),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_wrong_frame(stage: Scene, name: str) -> None:
    """The batch is refused; the session that it was for goes on."""
    frames, status, reason = FRAMES[name]
    session = await stage.session()
    async with stage.logs(reason):
        answer = await session.batch(frames)
    check_error(answer, status, reason)
    if "close" not in name:
        received = await session.received(numbered(1, (TEXT, b"and on")))
        assert received == 1
        assert await session.messages(1) == ["and on"]


@pytest.mark.parametrize("name", FRAMES)
async def test_a_wrong_frame_in_the_opening_request(stage: Scene, name: str) -> None:
    frames, status, reason = FRAMES[name]
    async with stage.logs(reason):
        answer = await stage.post(hello_frame(answer="poll", poll=1) + frames)
    check_error(answer, status, reason)


async def test_hello_says_more_was_received_than_was_sent(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs("400 the peer says that it received 7 frames, only 0 were sent"):
        answer = await session.batch(b"", received=7)
    check_error(answer, 400, "only 0 were sent")


async def test_an_unknown_frame_without_a_number_is_skipped(stage: Scene) -> None:
    """A newer client may say more."""
    session = await stage.session()
    async with stage.logs():
        frames = encode(200, b"from the future") + numbered(1, (TEXT, b"x"))
        assert await session.received(frames) == 1
    assert await session.messages(1) == ["x"]


async def test_a_flood_of_pings_is_answered_within_bounds(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs():
        flood = b"".join(encode_ping(1, bytes([number % 256])) for number in range(2000))
        assert await session.received(flood) == 0
        answer = await session.poll()
    pongs = encode_pong(1, b"\0")
    assert answer.content.count(pongs[:1] + pongs[1:9]) <= 16
    assert await session.received(numbered(1, (TEXT, b"and on"))) == 1


# Numbers


async def test_a_repeated_batch_gets_the_same_answer_and_does_nothing_twice(stage: Scene) -> None:
    session = await stage.session()
    batch = session.hello(answer="ack") + numbered(1, (TEXT, b"one"), (TEXT, b"two"))
    async with stage.logs():
        answers = [await session.post(batch) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    received = [decode_all(answer.content, max_frame=KIB)[0][1][:8] for answer in answers]
    assert received == [(2).to_bytes(8, "big")] * 3
    assert await session.received(numbered(3, (TEXT, b"three"))) == 3
    assert await session.messages(3) == ["one", "two", "three"]


async def test_a_batch_beyond_a_gap_waits_and_is_not_acknowledged(stage: Scene) -> None:
    """It may have overtaken another."""
    session = await stage.session()
    async with stage.logs():
        assert await session.received(numbered(2, (TEXT, b"two"))) == 0
        assert await session.received(numbered(1, (TEXT, b"one"))) == 2
        assert await session.received(numbered(1, (TEXT, b"one"), (TEXT, b"two"))) == 2
    assert await session.messages(2) == ["one", "two"]


async def test_a_message_over_the_bound_closes_with_1009(stage: Scene) -> None:
    """And that session only."""
    session = await stage.session()
    part = (PART, bytes(4 * KIB))
    async with stage.logs():
        await session.batch(numbered(1, *[part] * 4))
        await session.batch(numbered(5, *[part] * 4, (BINARY, b"x")))
        while not any(kind == CLOSE for kind, _ in session.frames):
            assert (await session.poll()).status_code == 200
    ((code, reason),) = [decode_close(data) for kind, data in session.frames if kind == CLOSE]
    assert (code, reason) == (1009, f"a message is over the bound of {SMALL.max_message} bytes")


async def test_a_client_that_sends_without_room_is_stopped(stage: Scene) -> None:
    """The handler reads nothing, and the inbox of 16 KiB is full."""
    session = await stage.session("/deaf")
    message = (BINARY, bytes(8 * KIB))
    async with stage.logs("429 a message began although the inbox had announced no room"):
        assert await session.received(numbered(1, message, message)) == 2
        answer = await session.batch(numbered(3, message))
    check_error(answer, 429, "a message began although the inbox had announced no room")


# Carriers


async def test_a_second_carrier_of_the_same_id(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs("409 carrier 1 is attached already"):
        answer = await session.post(session.hello(answer="stream", carrier=1))
    check_error(answer, 409, "carrier 1 is attached already")
    assert await session.received(numbered(1, (TEXT, b"and on"))) == 1
    assert await session.messages(1) == ["and on"]


async def test_a_poll_under_the_id_of_a_stream(stage: Scene) -> None:
    session = RawSession(stage.http, stage.url)
    async with stage.logs("409 carrier 1 is not a poll"):
        async with stage.http.stream(
            "POST", stage.url, content=session.hello(), headers=PROTOCOL_HEADERS
        ) as streamed:
            pieces = streamed.aiter_raw()
            await anext(pieces)
            answer = await session.poll()
            await pieces.aclose()  # type: ignore[attr-defined]
    check_error(answer, 409, "carrier 1 is not a poll")


async def test_a_newer_poll_ends_the_older_at_once(stage: Scene) -> None:
    """The heartbeat would end it after a second; a message then goes to the newer alone."""
    session = await stage.session()
    async with stage.logs():
        older = asyncio.create_task(session.poll())
        await asyncio.sleep(0.1)  # nothing says when a poll is held
        newer = asyncio.create_task(session.poll())
        async with asyncio.timeout(0.7):
            assert (await older).content == b""
        await session.received(numbered(1, (TEXT, b"for the newer")))
        assert b"for the newer" in (await newer).content


async def test_a_late_older_poll_is_answered_empty(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs():
        waiting = asyncio.create_task(session.poll(poll=7))
        await asyncio.sleep(0.1)  # nothing says when a poll is held
        late = await session.poll(poll=3)
        assert (late.status_code, late.content) == (200, b"")
        await session.received(numbered(1, (TEXT, b"x")))
        assert b"x" in (await waiting).content


async def test_carriers_over_the_bound_end_the_oldest(stage: Scene) -> None:
    """Dead carriers that nobody reported must not lock a client out."""
    session = await stage.session()
    async with stage.logs():
        for carrier in range(2, 8):
            answer = await session.poll(carrier=carrier, poll=1)
            assert answer.status_code == 200
    assert await session.received(numbered(1, (TEXT, b"x"))) == 1


async def test_a_client_of_byways_own_makes_no_warning(stage: Scene) -> None:
    """The counterpart of all the tests above."""
    async with stage.logs():
        for transport in ("websocket", "stream", "sse", "poll"):
            async with connect(stage.url, transport) as channel:
                assert await exchange(channel, "x", bytes(20 * KIB)) == ["x", bytes(20 * KIB)]


def test_the_codes_that_travel_are_what_the_table_says() -> None:
    """The table above writes close codes as bytes."""
    assert encode_close(1000, "") == encode(CLOSE, b"\x03\xe8")
