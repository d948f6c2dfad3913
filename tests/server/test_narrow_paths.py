"""Paths that take only small requests, small messages, or nothing once a carrier has opened."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

import byway
from byway import ClientLimits
from tests.support.proxies import nginx
from tests.support.relay import relay
from tests.support.servers import Server, uvicorn

BODY_LIMIT = """
location / {{
    proxy_pass http://127.0.0.1:{port};
    client_max_body_size {size};
}}
"""


async def echoed(
    channel: byway.Channel, messages: Sequence[str | bytes]
) -> list[str | bytes | None]:
    """Send messages, all at once, and return what comes back."""

    async def send() -> None:
        for message in messages:
            await channel.send(message)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(30):
            return [await channel.receive() for _ in messages]
    finally:
        sending.cancel()


async def test_batches_follow_what_a_proxy_takes(endpoint_server: Server) -> None:
    with nginx(BODY_LIMIT.format(port=endpoint_server.port, size="40k")) as proxy:
        messages: list[str | bytes] = [*["x" * 100] * 3000, b"y" * 300_000, "end"]
        async with byway.connect(proxy.url("/echo"), transports="stream", proxy=None) as channel:
            assert await echoed(channel, messages) == messages


async def test_where_not_even_one_frame_passes_the_session_ends_with_the_reason(
    endpoint_server: Server,
) -> None:
    with nginx(BODY_LIMIT.format(port=endpoint_server.port, size="4k")) as proxy:
        async with byway.connect(proxy.url("/echo"), transports="poll", proxy=None) as channel:
            await channel.send("x" * 10_000)
            async with asyncio.timeout(20):
                assert await channel.receive() is None
            assert channel.code == 1006
            assert re.search("refuses a request of one frame: status 413", channel.reason)


async def test_small_messages_do_not_add_up_to_a_websocket_message_too_large() -> None:
    """Neither for the client's own bound, nor for that of a server."""
    with uvicorn("tests.apps.endpoint_app:app", "--ws-max-size", "65536") as server:
        messages: list[str | bytes] = [*["x" * 100] * 5000, b"y" * 300_000]
        url = server.url("/echo")
        async with byway.connect(url, transports="websocket", proxy=None) as channel:
            assert await echoed(channel, messages) == messages
        async with byway.connect(
            url, transports="websocket", proxy=None, limits=ClientLimits(max_message=2000)
        ) as channel:
            assert await echoed(channel, messages[:5000]) == messages[:5000]


async def test_a_redirect_does_not_take_the_key_to_another_host() -> None:
    heads: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n" % other_port
        )
        writer.close()

    async with (
        await asyncio.start_server(elsewhere, "127.0.0.1", 0) as other,
        await asyncio.start_server(redirect, "127.0.0.1", 0) as one,
    ):
        other_port = other.sockets[0].getsockname()[1]
        port = one.sockets[0].getsockname()[1]
        with pytest.raises(byway.NoTransport) as caught:
            async with byway.connect(f"http://127.0.0.1:{port}/", proxy=None):
                pass
        assert [attempt.status for attempt in caught.value.attempts] == [302] * 4
    assert heads == []


async def test_a_network_that_swallows_all_but_the_opening_is_left(
    endpoint_server: Server,
) -> None:
    """The WebSocket opens and then carries nothing: another transport is proven and used."""
    async with relay(endpoint_server.port) as between:
        between.upgrades = "deaf"
        async with byway.connect(between.url("/echo"), proxy=None) as channel:
            async with asyncio.timeout(10):
                await channel.send("hello")
                assert await channel.receive() == "hello"
            assert channel.transport == "stream"


async def test_a_path_cannot_forge_a_line_of_the_log() -> None:
    with uvicorn("tests.apps.shutdown_app:app") as server:
        url = server.url("/x%0aERROR forged")
        async with byway.connect(url, transports="stream", proxy=None):
            pass
        await server.log.seen("opened at /x%0AERROR%20forged")
        assert not [line for line in server.log.lines if line.startswith("ERROR forged")]


async def test_headers_that_split_an_answer_are_refused_to_the_application() -> None:
    """It hears of it where it can do something about it, and the client gets a plain 500."""
    with uvicorn("tests.apps.shutdown_app:splitting") as server:
        with pytest.raises(byway.Refused) as refused:
            async with byway.connect(server.url("/"), transports="stream", proxy=None):
                pass
        assert refused.value.status == 500
        await server.log.seen("UsageError: the header b'x-a' holds a line break")
