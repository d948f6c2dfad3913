"""`channel.report()` and `error.report`: what a session's own attempts have seen."""

from __future__ import annotations

import pytest
from websockets.asyncio.server import ServerConnection, serve

import byway
from byway import Verdict
from byway.testing import Network
from tests.support.peers import connect
from tests.support.servers import Server


def verdicts(report: byway.Report | None) -> dict[str, Verdict]:
    """Return the verdicts by the transports' names."""
    assert report is not None
    return {one.transport: one.verdict for one in report.findings}


async def test_a_channel_reports_what_was_in_vain_and_what_carries_it(
    endpoint_server: Server,
) -> None:
    async with Network(endpoint_server.port, "refuse-403") as network:
        async with connect(f"{network.url}/echo", memory=False) as channel:
            before = network.counters.requests
            report = channel.report()
            assert network.counters.requests == before
            assert channel.transport == "stream"
    assert report.in_use == "stream"
    assert report.served
    assert verdicts(report) == {
        "websocket": Verdict.REFUSED,
        "stream": Verdict.WORKS,
        "sse": Verdict.NOT_TRIED,
        "poll": Verdict.NOT_TRIED,
    }
    assert report.preference == "stream, sse, poll"
    assert "stream carries the session" in str(report)
    evidence = report.finding("websocket").evidence
    assert evidence.status == 403
    assert "upgrade_configs" in report.finding("websocket").advice


async def test_a_later_loss_is_reported_too(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port) as network:
        async with connect(f"{network.url}/echo", memory=False) as channel:
            assert verdicts(channel.report())["websocket"] is Verdict.WORKS
            await channel.send("first")
            assert await channel.receive() == "first"
            network.use("refuse-403")
            network.kill_connections()
            await channel.send("second")
            assert await channel.receive() == "second"
            report = channel.report()
    assert report.in_use == "stream"
    assert report.finding("websocket").verdict in (Verdict.CUT, Verdict.REFUSED)


async def test_an_error_says_what_was_in_the_way(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, "refuse-403-buffered") as network:
        with pytest.raises(byway.NoTransport) as caught:
            async with connect(
                f"{network.url}/echo", transports="websocket, stream", open_timeout=1.0
            ):
                pass
    assert verdicts(caught.value.report) == {
        "websocket": Verdict.REFUSED,
        "stream": Verdict.SILENT,
    }


async def test_a_name_that_nobody_knows_is_reported() -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect("http://unknown.invalid/chat", open_timeout=5.0):
            pass
    assert set(verdicts(caught.value.report).values()) == {Verdict.UNREACHABLE}


async def test_a_refusal_by_the_application_is_reported(
    endpoint_server: Server,
) -> None:
    with pytest.raises(byway.Refused) as caught:
        async with connect(endpoint_server.url("/refuse"), "poll"):
            pass
    report = caught.value.report
    assert verdicts(report) == {"poll": Verdict.REFUSED}
    assert report is not None
    assert "application refused the client with status 403" in report.findings[0].why


async def test_a_plain_websocket_is_reported_as_one() -> None:
    async def wait(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(wait, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/", memory=False) as channel:
            report = channel.report()
    assert report.served is False
    assert report.in_use == "websocket"
    assert "does not speak byway" in report.finding("websocket").why
    assert (report.preference, report.finding("poll").verdict) == ("websocket", Verdict.NOT_TRIED)
    closed = channel.report()
    assert (closed.served, closed.in_use, closed.preference) == (False, None, "websocket")
    assert "websocket carried the session last" in closed.summary


async def test_a_closed_channel_still_says_what_carried_it(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, "refuse-403") as network:
        async with connect(f"{network.url}/echo", memory=False) as channel:
            await channel.send("first")
            assert await channel.receive() == "first"
    report = channel.report()
    assert (report.in_use, report.served) == (None, True)
    assert report.finding("stream").why == "It carried the session."
    assert report.finding("websocket").verdict is Verdict.REFUSED
    assert report.preference == "stream, sse, poll"
    assert "stream carried the session last" in report.summary


async def test_a_refusal_leaves_the_other_transports_untried(endpoint_server: Server) -> None:
    with pytest.raises(byway.Refused) as caught:
        async with connect(endpoint_server.url("/refuse"), transports="poll; patience=5, sse"):
            pass
    report = caught.value.report
    assert report is not None
    assert "application refused the session with status 403" in report.summary
    assert "had already refused the client" in report.finding("sse").why
