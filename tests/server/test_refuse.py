"""`Channel.refuse`: what cannot be, and that plain WebSocket clients are refused alike."""

from __future__ import annotations

from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect as websocket_connect

import byway
from byway.server.endpoint import ServerChannel
from byway.transports.base import Event
from tests.support.servers import Server


async def test_a_plain_client_gets_the_same_answer(endpoint_server: Server) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websocket_connect(endpoint_server.url("/deny", scheme="ws"), proxy=None):
            pass
    answer = refused.value.response
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.body == b"come back later"


def channel(sent: list[Event], **scope: Any) -> ServerChannel:
    async def send(event: Event) -> None:
        sent.append(event)

    async def receive() -> Event:
        raise AssertionError("nothing is to be received")

    return ServerChannel({"subprotocols": [], "headers": [], **scope}, receive, send)


async def test_a_server_that_cannot_send_an_answer_says_403() -> None:
    sent: list[Event] = []
    one = channel(sent)
    await one.refuse(429)
    assert [event["type"] for event in sent] == ["websocket.close"]


async def test_what_cannot_be_is_told() -> None:
    one = channel([], extensions={"websocket.http.response": {}})
    with pytest.raises(byway.UsageError, match="status 200 refuses nobody"):
        await one.refuse(200)
    await one.refuse(404)
    for call in (one.refuse(), one.accept()):
        with pytest.raises(byway.UsageError, match="accepted or refused already"):
            await call
    assert await one.receive() is None
    with pytest.raises(byway.ChannelClosed):
        await one.send("x")


async def test_a_client_refuses_nobody(endpoint_server: Server) -> None:
    async with byway.connect(endpoint_server.url("/echo"), proxy=None) as one:
        with pytest.raises(byway.UsageError, match="refuse"):
            await one.refuse()
