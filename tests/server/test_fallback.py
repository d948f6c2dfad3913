"""Networks that do not let WebSockets through: `byway.connect` goes on to what they let through."""

from __future__ import annotations

import re

import pytest

import byway
from tests.support.peers import connect, exchange
from tests.support.proxies import PLAIN_PROXY, nginx
from tests.support.relay import relay
from tests.support.servers import Server

MESSAGES: list[str | bytes] = ["text", b"binary", "", b"", "two\r\nlines", "🛣" * 50_000]


async def test_a_filter_that_refuses_upgrades(endpoint_server: Server) -> None:
    async with relay(endpoint_server.port) as between:
        between.upgrades = "refuse"
        async with connect(between.url("/echo")) as channel:
            assert channel.transport == "stream"
            assert await exchange(channel, *MESSAGES) == MESSAGES
        assert between.handshakes == 1


async def test_a_filter_that_swallows_upgrades(endpoint_server: Server) -> None:
    """Nothing is answered, so only patience ends the attempt."""
    async with relay(endpoint_server.port) as between:
        between.upgrades = "swallow"
        async with connect(between.url("/echo"), open_timeout=3.0) as channel:
            assert channel.transport == "stream"
            assert await exchange(channel, *MESSAGES) == MESSAGES
        assert between.handshakes == 1


async def test_a_403_of_the_network_is_not_taken_for_the_applications(
    endpoint_server: Server,
) -> None:
    async with relay(endpoint_server.port) as between:
        between.upgrades = "refuse"
        with pytest.raises(byway.NoTransport) as caught:
            async with connect(between.url("/echo"), "websocket", open_timeout=1.0):
                pass
        assert caught.value.attempts[0].status == 403
        assert "without a Byway header" in caught.value.attempts[0].error


async def test_a_plain_nginx_forwards_no_upgrade(endpoint_server: Server) -> None:
    """The server notices, and says so at once, so that nobody has to wait."""
    mark = endpoint_server.log.mark()
    with nginx(PLAIN_PROXY.format(port=endpoint_server.port)) as proxy:
        async with connect(proxy.url("/echo")) as channel:
            assert channel.transport == "stream"
            assert await exchange(channel, *MESSAGES) == MESSAGES
        refused = await endpoint_server.log.seen("byway.server: refused", since=mark)
        assert re.search(r"426 .*Upgrade", refused.string)
        with pytest.raises(byway.NoTransport) as caught:
            async with connect(proxy.url("/echo"), "websocket", open_timeout=1.0):
                pass
        assert caught.value.attempts[0].status == 426


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_each_fallback_passes_a_plain_nginx(endpoint_server: Server, transport: str) -> None:
    with nginx(PLAIN_PROXY.format(port=endpoint_server.port)) as proxy:
        async with connect(proxy.url("/push?count=2000"), transport) as channel:
            for number in range(2000):
                await channel.send(f"up {number}")
            assert [await channel.receive() for _ in range(2000)] == [
                f"down {number}" for number in range(2000)
            ]
            assert await channel.receive() == "in order"


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_each_message_passes_nginx_at_once(endpoint_server: Server, transport: str) -> None:
    """A proxy that gathered small writes would hold the answer to each of these back."""
    with nginx(PLAIN_PROXY.format(port=endpoint_server.port)) as proxy:
        async with connect(proxy.url("/echo"), transport) as channel:
            for number in range(20):
                assert await exchange(channel, str(number)) == [str(number)]


async def test_a_refusal_of_the_application_passes_nginx(endpoint_server: Server) -> None:
    with nginx(PLAIN_PROXY.format(port=endpoint_server.port)) as proxy:
        with pytest.raises(byway.Refused) as caught:
            async with connect(proxy.url("/refuse")):
                pass
    assert caught.value.status == 403
