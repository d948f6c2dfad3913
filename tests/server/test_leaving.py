"""A server that ends its endless answers in time: sessions move before, and nobody notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

import byway
from byway.session import core
from byway.testing import Network, Request, Rule
from byway.testing.plan import Answer, Fate, Plan
from tests.apps.leaving_app import DONE, PACE
from tests.support.proxies import PLAIN_PROXY, nginx
from tests.support.servers import Server, uvicorn

ENDLESS = ("stream", "sse")

COUNT = 400
"""Messages each way: 2 s of them, which is the life of six answers or more."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve with answers that live for 0.3 s at most."""
    with uvicorn("tests.apps.leaving_app:app") as one:
        yield one
    one.assert_quiet()


async def exchange(channel: byway.Channel, count: int = COUNT) -> None:
    """Send and receive numbers at a pace, and check both ways."""

    async def send() -> None:
        for number in range(count):
            await channel.send(str(number))
            await asyncio.sleep(PACE)

    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(send())
        came = [await channel.receive() for _ in range(count)]
        assert came == [str(number) for number in range(count)]
        assert await channel.receive() is None
    assert (channel.code, channel.reason) == (DONE, "all came in order")


def carriers(lines: Iterable[str]) -> tuple[int, int]:
    """Count the carriers that a log tells of, and the moments without one before the last.

    Returns:
        Carriers, and gaps.
    """
    opened = attached = gaps = 0
    for line in lines:
        if "carrier opened" in line:
            gaps += attached == 0
            opened, attached = opened + 1, attached + 1
        elif "carrier ended" in line:
            attached -= 1
    return opened, gaps - 1  # before the first there was none


async def check(
    url: str, transport: str, server: Server, caplog: pytest.LogCaptureFixture
) -> tuple[int, list[str]]:
    """Exchange everything over one transport, without a gap; return how many carriers it took."""
    caplog.set_level(logging.INFO, "byway")
    mark = server.log.mark()
    over: list[str] = []
    async with byway.connect(
        f"{url}/?count={COUNT}",
        transports=transport,
        proxy=None,
        memory=False,
        on_transport=over.append,
    ) as channel:
        await exchange(channel)
        report = channel.report()
    here = caplog.messages
    opened, gaps = carriers(here)
    assert gaps == 0, here
    await server.log.seen("closed: 4321")
    there = server.log.since(mark)
    assert carriers(there) == (opened, 0), there
    assert over == [transport]  # it is still the same
    assert not [line for line in here if "failed" in line]
    assert "ended" not in str(report)
    return opened, here


@pytest.mark.parametrize("transport", ENDLESS)
async def test_a_session_moves_in_time_and_nothing_is_lost_or_interrupted(
    transport: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    opened, _ = await check(server.url("").rstrip("/"), transport, server, caplog)
    assert opened >= 6


@pytest.mark.parametrize("transport", ENDLESS)
async def test_it_does_so_through_nginx(
    transport: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with nginx(PLAIN_PROXY.format(port=server.port)) as proxy:
        opened, _ = await check(proxy.url(), transport, server, caplog)
    assert opened >= 5


async def test_a_client_that_takes_no_notice_loses_nothing(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "LEAVE", 99)  # to it, the frame is one that it does not know
    caplog.set_level(logging.INFO, "byway")
    async with byway.connect(
        server.url(f"/?count={COUNT}"), transports="stream", proxy=None, memory=False
    ) as channel:
        await exchange(channel)
    opened, gaps = carriers(caplog.messages)
    assert opened == gaps + 1 >= 2  # the server ended them, two heartbeats later


@pytest.mark.parametrize("transport", ENDLESS)
async def test_a_way_up_in_one_request_moves_too(transport: str) -> None:
    """Long messages are in its midst each time that an answer is about to end."""
    with uvicorn("tests.apps.leaving_app:echoing") as one:
        async with (
            Network(one.port) as network,
            byway.connect(network.url, transports=transport, proxy=None, memory=False) as channel,
        ):

            async def send() -> None:
                for number in range(400):
                    await channel.send(f"{number} " + "x" * (number % 10 * 20_000))
                    await asyncio.sleep(PACE)

            async with asyncio.timeout(40), asyncio.TaskGroup() as group:
                group.create_task(send())
                for number in range(400):
                    message = await channel.receive()
                    assert message == f"{number} " + "x" * (number % 10 * 20_000)
            ups = [one for one in network.requests if ("byway", "up") in one.headers]
            assert len(ups) >= 3
        one.assert_quiet()


@dataclass(frozen=True)
class RefuseEventStreams(Rule):
    """Answer whoever asks for an event stream with 502."""

    def request(self, request: Request, plan: Plan) -> Plan:
        if ("accept", "text/event-stream") not in request.headers:
            return plan
        return plan.decide(Fate.ANSWER, self, Answer(502))


async def test_where_the_next_cannot_be_had_the_session_moves_to_another_transport(
    server: Server,
) -> None:
    """New event streams are refused from now on; the one that is there goes on."""
    over: list[str] = []
    async with (
        Network(server.port) as network,
        byway.connect(
            f"{network.url}/?count={COUNT}",
            transports="sse, poll",
            proxy=None,
            memory=False,
            on_transport=over.append,
        ) as channel,
    ):
        network.use(RefuseEventStreams())
        await exchange(channel)
    assert over == ["sse", "poll"]
