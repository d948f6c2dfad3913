"""A session in networks where what is better by name is slower in fact, over real connections."""

from __future__ import annotations

import asyncio

import pytest

import byway
from byway import Memory, Preference
from byway.client.route import network_name, own_addresses
from byway.negotiation.memory import place_of
from byway.testing import Latency, Network
from byway.testing.plan import Rule
from tests.support.servers import Server

NEAR = Latency(ms=20)
"""A round trip of 40 ms, beside which everything that these networks do takes long."""

HEARTBEAT = 10.0
"""The server's, in seconds, by which a session of old was rescued."""

HERE = network_name(own_addresses(("127.0.0.1",)))
"""The name of the network in which these servers are."""

RESTLESS = Preference(promotion_interval=1.0)


def remembering(network: Network, transport: str) -> Memory:
    """Return a memory that says that a transport worked, and was slow to open."""
    memory = Memory()
    memory.keep(place_of(network.url, None, HERE), transport, 5.0, settled=True)
    return memory


async def echoed(channel: byway.Channel, text: str) -> None:
    """Send a text and wait for it."""
    await channel.send(text)
    while await channel.receive() != text:
        pass


@pytest.mark.parametrize("name", ["flush-2s", "one-behind"])
async def test_a_session_ends_up_on_what_is_quick_and_stays_there(
    name: str, endpoint_server: Server
) -> None:
    over: list[str] = []
    async with Network(endpoint_server.port, name, NEAR) as network:
        async with byway.connect(
            network.url + "/echo",
            transports=RESTLESS,
            proxy=None,
            memory=False,
            on_transport=over.append,
        ) as channel:
            await echoed(channel, "one")
            # The better ones were tried again, found slow, and given up.
            posts = network.counters.posts
            await network.until(lambda: network.counters.posts > posts + 4, timeout=20)
            await asyncio.sleep(6)  # what is tested is that nothing more happens
            await echoed(channel, "two")
            assert channel.transport == "poll"
    assert over[-1] == "poll"
    assert "stream" not in over[1:]


async def test_a_session_that_began_on_a_slow_stream_leaves_it(endpoint_server: Server) -> None:
    over: list[str] = []
    async with Network(endpoint_server.port, "flush-2s", NEAR) as network:
        memory = remembering(network, "stream")
        async with byway.connect(
            network.url + "/echo", proxy=None, memory=memory, on_transport=over.append
        ) as channel:
            await network.until(lambda: over == ["stream", "poll"], timeout=20)
            await echoed(channel, "one")
            await network.until(lambda: _kept(memory) == "poll", timeout=20)
            await network.until(
                lambda: channel.report().finding("stream").outcome == "slow", timeout=20
            )
            report = channel.report()
            assert report.finding("stream").verdict is byway.Verdict.WORKS
            assert report.preference.split(", ")[-1] == "stream"


def _kept(memory: Memory) -> str:
    (place,) = memory.places
    found = memory.recall(place)
    assert found is not None
    return found.transport


async def test_one_that_was_busy_moves_within_a_heartbeat_of_silence(
    endpoint_server: Server,
) -> None:
    """While much is said each piece pushes the one before it out, and a stream seems to work."""
    over: list[str] = []
    loop = asyncio.get_running_loop()
    async with Network(endpoint_server.port, "one-behind", NEAR) as network:
        async with byway.connect(
            network.url + "/chatter", proxy=None, memory=False, on_transport=over.append
        ) as channel:
            for _ in range(100):
                assert await channel.receive() == "chatter"
            assert channel.transport == "stream"
            await channel.send("quiet")
            began = loop.time()
            await network.until(lambda: over[-1] == "poll", timeout=HEARTBEAT)
            await echoed(channel, "one")
            assert loop.time() - began < HEARTBEAT
    assert over == ["stream", "poll"]


async def test_a_close_does_not_wait_for_a_heartbeat(endpoint_server: Server) -> None:
    loop = asyncio.get_running_loop()
    async with Network(endpoint_server.port, "one-behind", NEAR) as network:
        async with byway.connect(network.url + "/chatter", proxy=None, memory=False) as channel:
            for _ in range(50):
                await channel.receive()
            assert channel.transport == "stream"
            began = loop.time()
        assert loop.time() - began < HEARTBEAT / 2
        assert channel.code == 1000


@pytest.mark.parametrize("transport", ["stream", "sse"])
async def test_a_close_of_the_server_s_comes_through_at_once(
    transport: str, endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padding follows it, or it would wait for the next heartbeat: here the client asks nothing."""
    monkeypatch.setattr("byway.negotiation.pace.QUIET", 1e6)
    async with Network(endpoint_server.port, "one-behind", NEAR) as network:
        async with byway.connect(
            network.url + "/chatter", transports=transport, proxy=None, memory=False
        ) as channel:
            for _ in range(50):
                await channel.receive()
            await channel.send("close")
            async with asyncio.timeout(HEARTBEAT / 2):
                while await channel.receive() is not None:
                    pass
        assert channel.code == 1000


@pytest.mark.parametrize("rules", [("slow-3g",), ("rtt-100",), (Latency(ms=150),)])
async def test_on_a_long_way_the_preferred_one_is_kept(
    rules: tuple[str | Rule, ...], endpoint_server: Server
) -> None:
    over: list[str] = []
    async with Network(endpoint_server.port, *rules) as network:
        async with byway.connect(
            network.url + "/echo", proxy=None, memory=False, on_transport=over.append
        ) as channel:
            await echoed(channel, "one")
            await asyncio.sleep(8)  # what is tested is that nothing happens
            await echoed(channel, "two")
    assert over[-1] == "websocket"
    assert over.count("websocket") == 1
