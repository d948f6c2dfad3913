"""`Channel.refuse`: what cannot be, and that plain WebSocket clients are refused alike."""

from __future__ import annotations

from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect as websocket_connect

import byway
from byway.server.application import Denied
from byway.server.endpoint import ServerChannel
from byway.server.responses import send_denial
from byway.transports.base import Event, Scope
from tests.support.calls import call_of
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


@pytest.mark.parametrize(
    ("kind", "headers", "is_asked"),
    [
        ("http", [], True),
        ("http", [(b"origin", b"https://app.example")], False),
        ("websocket", [(b"origin", b"https://app.example")], True),
    ],
)
async def test_a_login_dialog_is_opened_by_no_request_of_a_page(
    kind: str, headers: list[tuple[bytes, bytes]], is_asked: bool
) -> None:
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    denied = Denied(401, [(b"WWW-Authenticate", b"Basic"), (b"retry-after", b"7")], b"who is it?")
    scope: Scope = {"type": kind, "headers": headers, "extensions": {"websocket.http.response": {}}}
    call = call_of(scope)
    call.send = send
    await send_denial(call, denied)
    start, body = sent
    assert (start["status"], body["body"]) == (401, b"who is it?")
    names = [name for name, _ in start["headers"]]
    assert (b"www-authenticate" in names) is is_asked
    assert b"retry-after" in names


async def test_a_server_that_cannot_send_an_answer_says_403() -> None:
    sent: list[Event] = []
    one = channel(sent)
    await one.refuse(429)
    assert [event["type"] for event in sent] == ["websocket.close"]


async def test_what_cannot_be_is_told() -> None:
    one = channel([], extensions={"websocket.http.response": {}})
    with pytest.raises(byway.UsageError, match="status 200 is not a refusal"):
        await one.refuse(200)
    await one.refuse(404)
    for call in (one.refuse(), one.accept()):
        with pytest.raises(byway.UsageError, match="already been accepted or refused"):
            await call
    assert await one.receive() is None
    with pytest.raises(byway.ChannelClosed):
        await one.send("x")


async def test_a_client_refuses_nobody(endpoint_server: Server) -> None:
    async with byway.connect(endpoint_server.url("/echo"), proxy=None) as one:
        with pytest.raises(byway.UsageError, match="refuse"):
            await one.refuse()
