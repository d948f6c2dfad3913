"""Several processes behind one address: what the doctor, a session and the log say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import byway
from byway import Verdict, diagnose
from byway.testing import Network
from tests.doctor.conftest import APPLICATION
from tests.support.round_robin import STICKY, round_robin
from tests.support.servers import Server, uvicorn
from tests.support.several import workers


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Server, Server]]:
    """Serve the same in two processes that share nothing."""
    with uvicorn(f"{APPLICATION}:app") as one, uvicorn(f"{APPLICATION}:app") as other:
        yield one, other
    one.assert_quiet()
    other.assert_quiet()


async def test_behind_a_round_robin_it_is_the_verdict(two: tuple[Server, Server]) -> None:
    mark = [one.log.mark() for one in two]
    with round_robin(*(one.port for one in two)) as balancer:
        report = await diagnose(balancer.url("/chat"), proxy=None)
    for one in report.findings:
        assert one.verdict is Verdict.SEVERAL_PROCESSES, report
        assert "reached another process" in one.why
        assert "one backplane" in one.advice
        assert one.usable is (one.transport == "websocket")
    assert report.summary.startswith("Several processes serve this address")
    assert report.preference == "websocket"
    for server, since in zip(two, mark, strict=True):
        told = [line for line in server.log.since(since) if "belongs to another process" in line]
        loud = [line for line in told if line.startswith("WARNING")]
        assert len(told) > len(loud) == 1, "once a minute"
        assert "the same backplane= in all processes (docs/how-to/several-processes.md)" in loud[0]


async def test_without_websockets_nothing_works_there(two: tuple[Server, Server]) -> None:
    with round_robin(*(one.port for one in two)) as balancer:
        async with Network(balancer.port, "refuse-403") as network:
            report = await diagnose(f"{network.url}/chat", proxy=None)
    assert not report.works
    assert report.finding("poll").verdict is Verdict.SEVERAL_PROCESSES


async def test_with_sticky_sessions_there_is_nothing_to_say(two: tuple[Server, Server]) -> None:
    with round_robin(*(one.port for one in two), backend=STICKY) as balancer:
        report = await diagnose(balancer.url("/chat"), proxy=None)
    assert [one.verdict for one in report.findings] == [Verdict.WORKS] * 4, report
    assert [one.evidence.strangers for one in report.findings] == [0] * 4


async def test_workers_without_a_backplane_are_several_processes() -> None:
    """Which of four answers is the kernel's choice: of 16 connections some reach another."""
    with workers(f"{APPLICATION}:app", env={"BYWAY_BACKPLANE": "off"}) as server:
        report = await diagnose(server.url("/chat"), proxy=None)
    verdicts = {one.verdict for one in report.findings}
    assert Verdict.SEVERAL_PROCESSES in verdicts, report
    assert "Several processes serve this address" in report.summary


async def test_of_workers_that_share_their_sessions_there_is_nothing_to_say() -> None:
    with workers(f"{APPLICATION}:app") as server:
        report = await diagnose(server.url("/chat"), proxy=None)
    assert [one.verdict for one in report.findings] == [Verdict.WORKS] * 4, report


async def test_a_session_says_it_too(two: tuple[Server, Server]) -> None:
    """The session ends when only the other process answers, and names the cause."""
    one, other = two
    async with (
        Network(one.port) as network,
        byway.connect(
            f"{network.url}/chat", proxy=None, memory=False, transports="poll, stream"
        ) as channel,
    ):
        network.redirect(other.port)
        network.kill_connections()
        assert await channel.receive() is None
        report = channel.report()
    assert (channel.code, channel.reason[:10]) == (1006, "status 410")
    assert re.search("belongs to another process: several serve this address", channel.reason)
    found = [finding.verdict for finding in report.findings]
    assert Verdict.SEVERAL_PROCESSES in found, report
