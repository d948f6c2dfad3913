"""A session moves with its network: better and worse, while messages go both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

import byway
from byway import ClientLimits, Memory, Preference
from byway.client import network_path
from byway.client.route import network_name, own_addresses
from byway.negotiation.memory import place_of
from byway.testing import CutResponses, CutSilence, Network
from tests.support.servers import Server, uvicorn

PACE = 0.005
"""Seconds between two messages."""

HERE = network_name(own_addresses(["127.0.0.1"]))
"""What the memory calls the network in which the tests' servers are."""

QUICK = Preference(promotion_interval=1.0)


class Traffic:
    """Numbered messages, sent to an echo at a pace, and what came back of them."""

    def __init__(self, channel: byway.Channel) -> None:
        self.channel = channel
        self.sent = 0
        self.came: list[str] = []
        self._stop = asyncio.Event()

    async def send(self) -> None:
        """Send until told to stop, and then the last word."""
        while not self._stop.is_set():
            await self.channel.send(str(self.sent))
            self.sent += 1
            await asyncio.sleep(PACE)
        await self.channel.send("end")

    async def receive(self) -> None:
        """Receive until the last word has come back."""
        while (message := await self.channel.receive()) != "end":
            assert isinstance(message, str), "the channel was closed"
            self.came.append(message)

    def stop(self) -> None:
        """Let both end."""
        self._stop.set()

    def check(self) -> None:
        """Check that nothing was lost, doubled or put in another order."""
        assert self.sent > 0
        assert self.came == [str(number) for number in range(self.sent)]


async def moved(
    server: Server, first: str, then: Callable[[Network], object], *, start: str, end: str
) -> float:
    """Let the network change under a session with traffic; return how long its move took."""
    over: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    async with Network(server.port, first) as network:
        async with byway.connect(
            network.url + "/echo",
            transports=QUICK,
            proxy=None,
            memory=False,
            on_transport=over.put_nowait,
            limits=ClientLimits(window=60),
        ) as channel:
            traffic = Traffic(channel)
            async with asyncio.timeout(50), asyncio.TaskGroup() as group:
                group.create_task(traffic.send())
                group.create_task(traffic.receive())
                while await over.get() != start:
                    pass
                changed_at = loop.time()
                then(network)
                while await over.get() != end:
                    pass
                took = loop.time() - changed_at
                traffic.stop()
            traffic.check()
    return took


async def test_when_a_bad_network_heals_a_poll_is_on_websocket_within_an_interval(
    endpoint_server: Server,
) -> None:
    took = await moved(
        endpoint_server,
        "black-hole-buffered",
        lambda network: network.use(),
        start="poll",
        end="websocket",
    )
    # Two intervals where the one that runs had just begun to try, and its jitter.
    assert took < 2 * QUICK.promotion_interval * 1.2 + 5


async def test_when_a_good_network_turns_bad_it_is_on_poll_within_two_heartbeats(
    starlette_server: Server,
) -> None:
    """The WebSocket is reset, new ones are swallowed, and answers are held back."""

    def worse(network: Network) -> None:
        network.use("black-hole-buffered")
        network.kill_connections()

    took = await moved(starlette_server, "open", worse, start="websocket", end="poll")
    assert took < 2 * ClientLimits().heartbeat


@pytest.fixture
def quick_server() -> Iterator[Server]:
    """Serve with a heartbeat of a second."""
    with uvicorn("tests.apps.endpoint_app:quick") as server:
        yield server
    server.assert_quiet()


async def test_a_network_that_goes_away_and_comes_back_worse_loses_nothing(
    quick_server: Server,
) -> None:
    """For three heartbeats nothing passes and nothing is closed, as in a tunnel."""

    def away(network: Network) -> None:
        def back() -> None:
            network.use("refuse-403")
            network.heal()
            network.kill_connections()

        network.block()
        asyncio.get_running_loop().call_later(3, back)

    took = await moved(quick_server, "open", away, start="websocket", end="stream")
    assert took < 15


async def test_where_nothing_endless_lasts_a_session_settles_on_poll(
    endpoint_server: Server,
) -> None:
    over: list[str] = []
    async with Network(endpoint_server.port, "refuse-403", CutResponses(seconds=0.3)) as network:
        async with byway.connect(
            network.url + "/echo", proxy=None, memory=False, on_transport=over.append
        ) as channel:
            traffic = Traffic(channel)
            async with asyncio.timeout(50), asyncio.TaskGroup() as group:
                group.create_task(traffic.send())
                group.create_task(traffic.receive())
                await network.until(lambda: over[-1:] == ["poll"], timeout=20)
                await asyncio.sleep(1.5)  # what is tested is that nothing more happens
                traffic.stop()
            traffic.check()
    assert over == ["stream", "stream", "sse", "sse", "poll"]


async def test_the_next_session_begins_with_what_worked(endpoint_server: Server) -> None:
    memory = Memory()
    async with Network(endpoint_server.port, "black-hole") as network:
        for visit in range(2):
            tried = network.counters.upgrades
            async with byway.connect(network.url + "/echo", proxy=None, memory=memory) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
                assert channel.transport == "stream"
                await network.until(lambda: bool(memory.places))
            assert network.counters.upgrades - tried == (0 if visit else 1)


@pytest.mark.parametrize("before", [True, False])
async def test_a_session_limited_to_one_transport_says_nothing_of_the_others(
    before: bool, endpoint_server: Server
) -> None:
    memory = Memory()

    async def opened(transports: str | None) -> list[str]:
        over: list[str] = []
        async with byway.connect(
            network.url + "/echo",
            transports=transports,
            proxy=None,
            memory=memory,
            on_transport=over.append,
        ) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            await network.until(lambda: bool(memory.places))
        return over

    async with Network(endpoint_server.port) as network:
        if before:
            assert await opened(None) == ["websocket"]
        assert await opened("poll") == ["poll"]
        assert await opened(None) == ["websocket"]


async def test_a_session_limited_to_what_does_not_work_forgets_nothing(
    endpoint_server: Server,
) -> None:
    memory = Memory()
    async with Network(endpoint_server.port, "refuse-403") as network:
        here = place_of(network.url, None, HERE)
        memory.keep(here, "stream", 0.1, settled=True)
        with pytest.raises(byway.NoTransport):
            async with byway.connect(
                network.url + "/echo",
                transports="websocket",
                proxy=None,
                memory=memory,
                open_timeout=0.5,
            ):
                pass
    assert memory.places == (here,)


async def test_what_does_not_work_anywhere_any_more_is_forgotten(
    endpoint_server: Server,
) -> None:
    memory = Memory()
    async with Network(endpoint_server.port) as network:
        here = place_of(network.url, None, HERE)
        memory.keep(here, "sse", 0.1, settled=True)
        network.block()
        with pytest.raises(byway.NoTransport):
            async with byway.connect(
                network.url + "/echo", proxy=None, memory=memory, open_timeout=0.5
            ):
                pass
    assert memory.places == ()


async def kept_alive(server: Server, transport: str) -> None:
    memory = Memory()
    over: list[str] = []
    async with Network(server.port, CutSilence(1.6)) as network:
        for visit in range(2):
            over.clear()
            async with byway.connect(
                network.url + "/echo",
                transports=[transport],
                proxy=None,
                memory=memory,
                on_transport=over.append,
            ) as channel:
                if not visit:  # it takes two cuts to learn
                    await network.until(lambda: len(over) == 3, timeout=20)
                before = len(over)
                await asyncio.sleep(4)  # what is tested is silence
                assert len(over) == before, f"{transport} was cut again"
                await channel.send("still here")
                assert await channel.receive() == "still here"
    found = memory.recall(place_of(network.url, None, HERE))
    assert found is not None
    assert found.heartbeat == 1.0


async def test_a_path_that_cuts_silence_is_kept_alive(endpoint_server: Server) -> None:
    """At once, since most of it is waiting."""
    async with asyncio.TaskGroup() as group:
        for transport in ("websocket", "stream", "sse", "poll"):
            group.create_task(kept_alive(endpoint_server, transport))


async def test_in_another_network_everything_is_tried_again(
    endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's own address changes, and with it what the network lets through."""
    addresses = ["192.0.2.7"]
    monkeypatch.setattr(network_path, "own_addresses", lambda _: tuple(addresses))
    monkeypatch.setattr("byway.client.steering.ROUTE_INTERVAL", 0.2)
    over: asyncio.Queue[str] = asyncio.Queue()
    memory = Memory()
    async with Network(endpoint_server.port, "refuse-403") as network:
        async with byway.connect(
            network.url + "/echo", proxy=None, on_transport=over.put_nowait, memory=memory
        ) as channel:
            assert await over.get() == "stream"
            await channel.send("one")
            assert await channel.receive() == "one"
            network.use()
            addresses[0] = "198.51.100.7"
            async with asyncio.timeout(10):  # a promotion interval would be 30 s
                assert await over.get() == "websocket"
            await channel.send("two")
            assert await channel.receive() == "two"
        await network.until(lambda: network.connections == 0)
    assert [name.split()[-1] for name in memory.places] == ["192.0.2.7", "198.51.100.7"]
