"""`headers=` apply alike to every transport, and to every request of it."""

from __future__ import annotations

import json

from tests.support.peers import connect
from tests.support.relay import relay
from tests.support.servers import Server


async def test_headers_arrive_on_every_transport(starlette_server: Server, transport: str) -> None:
    sent = {"Authorization": "Bearer t", "Cookie": "a=1; b=2", "X-Mine": "yes", "User-Agent": "me"}
    before = dict(sent)
    async with connect(starlette_server.url("/info"), transport, headers=sent) as channel:
        got = json.loads(str(await channel.receive()))
    seen = [tuple(pair) for pair in got["headers"]]
    for name, value in before.items():
        assert [one for key, one in seen if key == name.lower()] == [value]
    assert sent == before, "the caller's dict is the caller's"


async def test_headers_go_with_every_connection(starlette_server: Server, transport: str) -> None:
    """A proxy that asks for a token asks for it each time."""
    async with relay(starlette_server.port) as between:
        headers = {"x-token": "secret"}
        async with connect(between.url("/echo"), transport, headers=headers) as channel:
            for number in range(5):
                await channel.send(str(number))
                assert await channel.receive() == str(number)
                between.cut()
        assert between.heads, "else nothing was looked at"
        assert all(b"x-token: secret" in head.lower() for head in between.heads)
