"""Bad input over WebSockets: the same kinds as over HTTP, answered as WebSockets can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from byway.frames import decode_all
from byway.keys import new_key
from tests.apps.limits import KIB
from tests.server.scene import Scene, scene
from tests.support.servers import Server, uvicorn
from tests.support.wire import (
    BINARY,
    CLOSE,
    OPEN,
    PART,
    TEXT,
    RawSession,
    encode,
    encode_ack,
    encode_next,
    numbered,
)

KEY = "Kx3vT8qLw2ZrN5yBhE7uJdPc4SmGfXaV"


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


def handshake(
    stage: Scene, *offers: str, path: str = "/echo", **headers: str
) -> websockets.connect:
    """Connect with these subprotocols."""
    return websockets.connect(
        stage.server.url(path, scheme="ws"),
        subprotocols=[Subprotocol(one) for one in offers],
        additional_headers=headers,
        proxy=None,
        compression=None,
    )


TOKENS: dict[str, tuple[list[str], int, str]] = {
    "no token": (["byway.1"], 400, "byway.1 is offered without its one token"),
    "two tokens": (
        ["byway.1", f"byway.1.{KEY}.0.0.1", f"byway.1.{KEY}.0.0.2"],
        400,
        "byway.1 is offered without its one token",
    ),
    "too few fields": (["byway.1", f"byway.1.{KEY}.0.1"], 400, "the token of byway.1 is malformed"),
    "too many fields": (
        ["byway.1", f"byway.1.{KEY}.0.0.1.instance.more"],
        400,
        "the token of byway.1 is malformed",
    ),
    "no number": (["byway.1", f"byway.1.{KEY}.x.0.1"], 400, "the token of byway.1 is malformed"),
    "carrier 0": (["byway.1", f"byway.1.{KEY}.0.0.0"], 400, "is out of range"),
    "room out of range": (["byway.1", f"byway.1.{KEY}.0.4294967296.1"], 400, "is out of range"),
    "short key": (["byway.1", "byway.1.short.0.0.1"], 400, "the session key must be 22 to 86"),
    "unknown session": (
        ["byway.1", f"byway.1.{KEY}.0.0.1.nosuchinstance"],
        410,
        "this server does not know this session",
    ),
}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_wrong_token(stage: Scene, name: str) -> None:
    offers, status, reason = TOKENS[name]
    async with stage.logs(reason):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with handshake(stage, *offers):
                pass
    response = caught.value.response
    assert response.status_code == status
    assert response.headers["byway"] == "error"
    assert reason in bytes(response.body or b"").decode()
    assert KEY not in "\n".join(stage.server.log.lines), "keys are never logged"


async def test_another_version_is_left_to_the_application(stage: Scene) -> None:
    """Without `byway.1` among the offers it is no client of byway's."""
    async with stage.logs():
        async with handshake(stage, "byway.2", f"byway.2.{KEY}.0.0.1") as socket:
            assert socket.subprotocol is None
            await socket.send("x")
            assert await socket.recv() == "x"


async def test_a_foreign_page(stage: Scene) -> None:
    async with stage.logs("403 pages of https://evil.example may not open a session with"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with handshake(
                stage, "byway.1", f"byway.1.{KEY}.0.0.1", origin="https://evil.example"
            ):
                pass
    assert caught.value.response.status_code == 403


@asynccontextmanager
async def opened(
    stage: Scene, session: RawSession, path: str = "/echo"
) -> AsyncIterator[ClientConnection]:
    """Open a session over a WebSocket that is spoken by hand."""
    token = f"byway.1.{session.key}.0.1048576.1"
    async with handshake(stage, "byway.1", token, path=path) as socket:
        assert socket.subprotocol == "byway.1"
        first = await socket.recv()
        assert isinstance(first, bytes)
        kind, payload = decode_all(first, max_frame=64 * KIB)[0]
        assert kind == OPEN
        session.instance = json.loads(payload)["instance"]
        yield socket


FRAMES: dict[str, tuple[str | bytes, int, str]] = {
    "unknown numbered type": (encode(9, b"x"), 1002, "frame type 9 is numbered and unknown"),
    "truncated": (b"\x01\x00\x00\x00\x05abc", 1002, "ends inside a frame"),
    "frame over the bound": (b"\x01\x00\x00\x20\x01", 1009, "over the bound of 8192"),
    "text over the bound": ("x" * 8193, 1009, "over the bound of 8192"),
    "text before its number": ("x", 1002, "a numbered frame came before NEXT"),
    "no number": (encode(TEXT, b"x"), 1002, "a numbered frame came before NEXT"),
    "number 0": (encode_next(0), 1002, "NEXT names number 0"),
    "ACK beyond what was sent": (encode_ack(1, 0), 1002, "only 0 were sent"),
    "a gap": (numbered(2, (TEXT, b"x")), 1002, "frame 2 came after frame 0: 1 are missing"),
    "text that is no utf-8": (numbered(1, (TEXT, b"\xff")), 1002, "a TEXT message is not UTF-8"),
    "empty part": (numbered(1, (PART, b"")), 1002, "PART is empty"),
    "data after close": (
        numbered(1, (CLOSE, b"\x03\xe8"), (TEXT, b"x")),
        1002,
        "a numbered frame came after CLOSE",
    ),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_wrong_frame_ends_the_carrier_and_not_the_session(stage: Scene, name: str) -> None:
    message, code, reason = FRAMES[name]
    session = RawSession(stage.http, stage.url)
    async with stage.logs(reason):
        async with opened(stage, session) as socket:
            await socket.send(message)
            await socket.wait_closed()
            assert socket.close_code == code
            assert reason in (socket.close_reason or "")
    if "close" not in name:
        answer = await session.poll(carrier=2, poll=1)
        assert answer.status_code == 200, "the session goes on over another carrier"
        assert await session.received(numbered(1, (TEXT, b"and on"))) == 1


async def test_an_unknown_frame_without_a_number_is_skipped(stage: Scene) -> None:
    session = RawSession(stage.http, stage.url)
    async with stage.logs():
        async with opened(stage, session) as socket:
            await socket.send(encode(200, b"from the future") + numbered(1, (TEXT, b"x")))
            assert await text_of(socket) == "x"


async def text_of(socket: ClientConnection) -> str:
    """Return the next text, however it travels."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                return message
            for kind, payload in decode_all(message, max_frame=64 * KIB):
                if kind == TEXT:
                    return payload.decode()


async def test_a_client_that_sends_without_room_is_stopped(stage: Scene) -> None:
    session = RawSession(stage.http, stage.server.url("/deaf"))
    message = (BINARY, bytes(8 * KIB))
    async with stage.logs("a message began although the inbox had announced no room"):
        async with opened(stage, session, "/deaf") as socket:
            await socket.send(numbered(1, message, message, message))
            await socket.wait_closed()
            assert socket.close_code == 1002


async def test_another_instance_of_a_session_that_is_here(stage: Scene) -> None:
    session = await stage.session()
    async with stage.logs("410 this session runs in another instance"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with handshake(stage, "byway.1", f"byway.1.{session.key}.0.0.2.another"):
                pass
    assert caught.value.response.status_code == 410


async def test_a_second_carrier_of_the_same_id(stage: Scene) -> None:
    session = await stage.session()
    token = f"byway.1.{session.key}.0.0.1.{session.instance}"
    async with stage.logs("409 carrier 1 is attached already"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with handshake(stage, "byway.1", token):
                pass
    assert caught.value.response.status_code == 409
    assert await session.received(numbered(1, (TEXT, b"and on"))) == 1


async def test_a_session_of_polls_goes_on_over_a_websocket(stage: Scene) -> None:
    session = await stage.session()
    token = f"byway.1.{session.key}.0.1048576.2.{session.instance}"
    async with stage.logs():
        async with handshake(stage, "byway.1", token) as socket:
            await session.received(numbered(1, (TEXT, b"both ways")))
            assert await text_of(socket) == "both ways"


def test_the_key_is_like_one_that_a_client_would_make() -> None:
    """Else the tests of tokens would test something else."""
    assert len(KEY) == len(new_key())
