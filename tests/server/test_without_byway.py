"""`byway.connect` to servers that know nothing of byway."""

from __future__ import annotations

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import byway
from tests.support.peers import connect, exchange
from tests.support.servers import Server

MESSAGES: list[str | bytes] = ["text", b"binary", "", b"", "two\r\nlines", "🛣" * 100_000]


async def test_it_goes_on_as_a_plain_websocket(plain_server: Server) -> None:
    async with connect(plain_server.url("/echo")) as channel:
        assert channel.transport == "websocket"
        assert await exchange(channel, *MESSAGES) == MESSAGES


async def test_who_does_not_want_a_plain_websocket_is_told_so(plain_server: Server) -> None:
    with pytest.raises(byway.NoTransport, match="does not speak byway") as caught:
        async with connect(plain_server.url("/echo"), plain=False, open_timeout=5.0):
            pass
    report = caught.value.report
    assert report is not None
    assert report.finding("websocket").verdict is byway.Verdict.NO_BYWAY
    assert report.served is False
    with pytest.raises(byway.UsageError, match="plain must be a bool"):
        connect(plain_server.url("/echo"), plain="no")


async def test_a_server_with_byway_is_served_all_the_same(starlette_server: Server) -> None:
    async with connect(starlette_server.url("/echo"), plain=False) as channel:
        assert await exchange(channel, "x") == ["x"]


async def test_the_applications_subprotocol_is_chosen(plain_server: Server) -> None:
    """The application takes the last that is offered, and byway's own are offered first."""
    async with connect(plain_server.url("/choose"), subprotocols=["chat.v1", "chat.v2"]) as channel:
        assert channel.subprotocol == "chat.v2"


async def test_headers_of_accept_are_seen(plain_server: Server) -> None:
    async with connect(plain_server.url("/headers")) as channel:
        assert channel.headers["x-answer"] == "from the handler"
        assert len(channel.headers.get_list("set-cookie")) == 2


async def test_a_header_that_is_not_ascii_is_read_as_it_came() -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    def respond(socket: ServerConnection, request: Request, response: Response) -> None:
        response.headers["x-name"] = "grüße"

    async with serve(echo, "127.0.0.1", 0, process_response=respond) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"http://127.0.0.1:{port}/") as channel:
            assert await exchange(channel, "x") == ["x"]
            assert channel.headers["x-name"] == "grüße"


async def test_the_servers_close_is_seen(plain_server: Server) -> None:
    async with connect(plain_server.url("/closing?code=4321&reason=enough")) as channel:
        await channel.send("go")
        assert [message async for message in channel] == []
        assert (channel.code, channel.reason) == (4321, "enough")
        with pytest.raises(byway.ChannelClosed) as caught:
            await channel.send("too late")
        assert caught.value.code == 4321


async def test_the_clients_close_is_seen(plain_server: Server) -> None:
    mark = plain_server.log.mark()
    async with connect(plain_server.url("/ending?id=mine")) as channel:
        await channel.close(4002, "mine")
    await plain_server.log.seen("mine ended with 4002, reason 'mine'", since=mark)


async def test_a_lone_surrogate_is_refused_and_the_channel_goes_on(plain_server: Server) -> None:
    async with connect(plain_server.url("/echo")) as channel:
        with pytest.raises(byway.UsageError, match="surrogate"):
            await channel.send("\ud83d")
        assert await exchange(channel, "whole") == ["whole"]


async def test_over_http_alone_it_names_what_was_answered(plain_server: Server) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect(plain_server.url("/page"), "stream", open_timeout=2.0):
            pass
    first = caught.value.attempts[0]
    assert (first.transport, first.status) == ("stream", 200)
    assert "without a Byway header" in first.error
    assert "stream: status 200" in str(caught.value)


async def test_where_there_is_nothing_it_names_what_every_transport_met(
    plain_server: Server,
) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect(plain_server.url("/no-such-page"), open_timeout=4.0):
            pass
    tried = {one.transport: one.status for one in caught.value.attempts}
    # A router that has no such WebSocket refuses it with 403.
    assert tried == {"websocket": 403, "stream": 404, "sse": 404, "poll": 404}


async def test_where_nobody_listens_it_says_so(unused_tcp_port: int) -> None:
    with pytest.raises(byway.NoTransport, match="refused|Connect") as caught:
        async with connect(f"http://127.0.0.1:{unused_tcp_port}/", open_timeout=4.0):
            pass
    assert {one.status for one in caught.value.attempts} == {None}


async def test_the_plain_server_is_what_it_is_taken_for(plain_server: Server) -> None:
    """The other tests mean nothing if that server speaks byway."""
    async with websockets.connect(
        plain_server.url("/echo", scheme="ws"),
        subprotocols=["byway.1"],  # type: ignore[list-item]
        proxy=None,
    ) as socket:
        assert socket.subprotocol is None
