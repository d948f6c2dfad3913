"""What is not byway's own reaches the application as if byway were not there."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import websockets
from websockets.typing import Subprotocol

from tests.support.servers import Server


@pytest.fixture(params=["wrapped", "plain"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give the same application once with byway and once without."""
    name = {"wrapped": "starlette_server", "plain": "plain_server"}[request.param]
    found: Server = request.getfixturevalue(name)
    return found


async def described(server: Server) -> dict[str, Any]:
    """Return what the handler sees of a plain WebSocket client, without what differs each time."""
    async with websockets.connect(
        server.url("/info/x/1?a=b", scheme="ws"),
        subprotocols=[Subprotocol("chat.v1"), Subprotocol("chat.v2")],
        additional_headers={"cookie": "a=1", "x-mine": "yes"},
        user_agent_header=None,
        proxy=None,
    ) as socket:
        got: dict[str, Any] = json.loads(await socket.recv())
    changing = ("host", "sec-websocket-key")
    got["headers"] = [pair for pair in got["headers"] if pair[0] not in changing]
    del got["server"]
    return got


async def test_a_plain_websocket_shows_the_application_the_same_scope(
    starlette_server: Server, plain_server: Server
) -> None:
    with_byway, without = await described(starlette_server), await described(plain_server)
    assert with_byway == without
    assert ["x-mine", "yes"] in without["headers"], "else nothing was compared"


async def test_a_plain_websocket_is_answered_by_the_application_alone(server: Server) -> None:
    async with websockets.connect(server.url("/headers", scheme="ws"), proxy=None) as socket:
        assert socket.response is not None
        names = sorted({name.lower() for name in socket.response.headers})
        assert socket.response.headers["x-answer"] == "from the handler"
        assert "byway" not in names
        assert socket.subprotocol is None


async def test_a_plain_websocket_negotiates_its_subprotocol(server: Server) -> None:
    async with websockets.connect(
        server.url("/choose", scheme="ws"),
        subprotocols=[Subprotocol("chat.v1"), Subprotocol("chat.v2")],
        proxy=None,
    ) as socket:
        assert socket.subprotocol == "chat.v2"
        assert json.loads(await socket.recv()) == ["chat.v1", "chat.v2"]


async def test_a_plain_websocket_carries_messages_untouched(server: Server) -> None:
    messages: list[str | bytes] = ["text", b"binary", "", b"", "x" * 1_000_000, b"\x01\0\0\0\1x"]
    async with websockets.connect(server.url("/echo", scheme="ws"), proxy=None) as socket:
        for message in messages:
            await socket.send(message)
        assert [await socket.recv() for _ in messages] == messages


async def test_a_plain_websocket_is_closed_as_the_application_says(server: Server) -> None:
    async with websockets.connect(
        server.url("/closing?code=4321&reason=enough", scheme="ws"), proxy=None
    ) as socket:
        await socket.send("go")
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4321, "enough")


async def test_a_plain_websocket_tells_the_application_how_it_closed(server: Server) -> None:
    mark = server.log.mark()
    async with websockets.connect(
        server.url("/ending?id=plain", scheme="ws"), proxy=None
    ) as socket:
        await socket.close(4001, "mine")
    await server.log.seen("plain ended with 4001, reason 'mine'", since=mark)


@pytest.mark.parametrize(("path", "status"), [("/refuse", 403), ("/deny", 429)])
async def test_a_plain_websocket_is_refused_as_the_application_says(
    server: Server, path: str, status: int
) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(server.url(path, scheme="ws"), proxy=None):
            pass
    response = caught.value.response
    assert response.status_code == status
    assert "byway" not in {name.lower() for name in response.headers}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/page", {"accept": "text/event-stream"}, b""),
        ("GET", "/page?a=1", {"x-mine": "yes"}, b""),
        ("POST", "/page", {"content-type": "application/json"}, b'{"a": 1}'),
        ("POST", "/page", {"content-type": "application/octet-stream"}, b"\x10\0\0\0\2{}"),
        ("PUT", "/page", {}, b"x" * 100_000),
        ("OPTIONS", "/page", {"origin": "http://evil.example"}, b""),
        (
            "OPTIONS",
            "/page",
            {
                "origin": "http://evil.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "x-byway-not",
            },
            b"",
        ),
        ("GET", "/no-such-page", {}, b""),
        ("GET", "/echo", {}, b""),
    ],
)
async def test_plain_http_gets_the_same_answer(
    starlette_server: Server,
    plain_server: Server,
    http: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    answers = []
    for server in (starlette_server, plain_server):
        answer = await http.request(
            method, server.url(path), headers={"host": "same.example", **headers}, content=body
        )
        kept = {name: value for name, value in answer.headers.items() if name != "date"}
        answers.append((answer.status_code, kept, answer.content))
    assert answers[0] == answers[1]
