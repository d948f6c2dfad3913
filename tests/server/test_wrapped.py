"""FallbackMiddleware inside of middleware that handles whole answers: it still works there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.support.events import EventReader
from tests.support.peers import connect, exchange
from tests.support.servers import Server, uvicorn

MESSAGES: list[str | bytes] = ["text", b"binary", "", b"", "two\r\nlines", "🛣" * 100_000]


@pytest.fixture(scope="module", params=["gzip", "base", "both"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve the Starlette application wrapped in each way."""
    with uvicorn(f"tests.apps.wrapped_app:{request.param}") as one:
        yield one
    one.assert_quiet()


async def test_messages_go_both_ways(server: Server, transport: str) -> None:
    async with connect(server.url("/echo"), transport) as channel:
        assert await exchange(channel, *MESSAGES) == MESSAGES


async def test_each_message_goes_at_once(server: Server, transport: str) -> None:
    """Middleware that gathered the answer would hold the first echo until the end."""
    async with connect(server.url("/echo"), transport) as channel:
        for number in range(20):
            assert await exchange(channel, str(number)) == [str(number)]


async def test_a_client_that_leaves_is_noticed(server: Server, transport: str) -> None:
    name = uuid4().hex
    async with connect(server.url(f"/ending?id={name}"), transport):
        await server.log.seen(f"{name} began")
    await server.log.seen(f"{name} ended with 1000")


async def test_a_browsers_event_source_is_served_inside_of_gzip(http: httpx.AsyncClient) -> None:
    """A browser always accepts gzip, and gzip holds back what is not a whole block."""
    headers = {"accept": "text/event-stream", "accept-encoding": "gzip, deflate, br"}
    gate = uuid4().hex
    with uvicorn("tests.apps.wrapped_app:readers") as server:
        async with http.stream("GET", server.url(f"/gate?gate={gate}"), headers=headers) as answer:
            reader = EventReader()
            pieces = answer.aiter_bytes()
            seen: list[str] = []
            async with asyncio.timeout(10):
                while "before" not in seen:
                    seen += [event.data for event in reader.feed(await anext(pieces))]
                async with connect(server.url(f"/open?gate={gate}"), "stream"):
                    pass
                while "after" not in seen:
                    seen += [event.data for event in reader.feed(await anext(pieces))]
