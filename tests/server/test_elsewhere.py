"""Several processes behind one address, and a server that was restarted: who is told what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import pytest
import websockets
from websockets.typing import Subprotocol

from byway.keys import PROCESS_NAME, new_instance, new_key, new_process_name
from byway.testing import Network
from byway.transports import other_processes
from tests.support.numbered_client import NumberedSession
from tests.support.peers import connect, exchange
from tests.support.round_robin import round_robin
from tests.support.servers import Server, uvicorn
from tests.support.wire import PROTOCOL_HEADERS, RawSession, encode_ack, hello_frame

ELSEWHERE = "belongs to another process"
OTHER = new_instance(new_process_name())


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Server, Server]]:
    """Serve the same handlers in two processes that share nothing."""
    with uvicorn("tests.apps.endpoint_app:app") as one, uvicorn("tests.apps.endpoint_app:app") as b:
        yield one, b
    one.assert_quiet()
    b.assert_quiet()


@pytest.mark.parametrize("answer", ["poll", "ack", "stream", "sse", "up"])
async def test_a_410_says_what_became_of_the_session(
    two: tuple[Server, Server], http: httpx.AsyncClient, answer: str
) -> None:
    first, second = two
    session = await RawSession(http, first.url("/echo")).open()
    assert session.instance is not None
    headers = PROTOCOL_HEADERS | ({"byway": "up"} if answer == "up" else {})
    poll = {"poll": 1} if answer == "poll" else {}

    async def said(server: Server, **fields: object) -> tuple[int, str | None]:
        body = session.hello(answer=answer, carrier=2, **poll, **fields)
        got = await http.post(server.url("/echo"), content=body, headers=headers)
        return got.status_code, got.headers.get("byway-gone")

    assert await said(second) == (410, "elsewhere")
    mine = session.instance[:PROCESS_NAME]
    assert await said(first, instance=mine + OTHER[PROCESS_NAME:]) == (410, "unknown")
    assert await said(first, session=new_key()) == (410, "unknown")
    assert await said(first, session=new_key(), instance="old") == (410, "unknown")
    await session.received(encode_ack(0, 1 << 20))  # it lives


async def test_a_410_to_a_handshake_says_it_too(two: tuple[Server, Server]) -> None:
    offers = ["byway.1", f"byway.1.{new_key()}.0.0.1.{OTHER}"]
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(
            two[0].url("/echo", scheme="ws"),
            subprotocols=[Subprotocol(one) for one in offers],
            proxy=None,
        ):
            pass
    answer = caught.value.response
    assert (answer.status_code, answer.headers["byway-gone"]) == (410, "elsewhere")


async def test_a_page_of_another_origin_may_read_it(http: httpx.AsyncClient) -> None:
    with uvicorn("tests.apps.origins_app:named") as server:
        answer = await http.post(
            server.url("/echo"),
            content=hello_frame(instance=OTHER),
            headers=PROTOCOL_HEADERS | {"origin": "https://app.example"},
        )
    assert (answer.status_code, answer.headers["byway-gone"]) == (410, "elsewhere")
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert "byway-gone" in exposed


async def test_a_session_goes_on_when_its_own_process_is_reached_again(
    two: tuple[Server, Server], transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_processes, "ELSEWHERE_TIME", 60.0)  # on a slow machine, too
    first, second = two
    async with Network(first.port) as network:
        async with connect(network.url + "/echo", transport, memory=False) as channel:
            assert await exchange(channel, "one") == ["one"]
            mark = second.log.mark()
            network.redirect(second.port)
            network.kill_connections()
            await channel.send("two")
            await second.log.seen(ELSEWHERE, since=mark)
            network.redirect(first.port)
            network.kill_connections()
            assert await channel.receive() == "two"


async def test_a_server_in_the_place_of_the_old_ends_a_session_long_before_its_window(
    transport: str,
) -> None:
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(uvicorn("tests.apps.endpoint_app:app"))
        async with (
            Network(first.port) as network,
            connect(network.url + "/echo", transport, memory=False) as channel,
        ):
            assert await exchange(channel, "one") == ["one"]
            await asyncio.to_thread(first.program.kill)
            second = servers.enter_context(uvicorn("tests.apps.endpoint_app:app"))
            network.redirect(second.port)
            async with asyncio.timeout(25):  # its window is 30 s
                assert await channel.receive() is None
            assert channel.code == 1006
            assert "410" in channel.reason
            assert ELSEWHERE in channel.reason
        refused = [line for line in second.log.lines if ELSEWHERE in line and "410" in line]
        assert len(refused) >= other_processes.ELSEWHERE_COUNT


@pytest.mark.timeout(60)
@pytest.mark.parametrize("transport", ["websocket", "stream", "sse"])
async def test_behind_a_round_robin_nothing_is_lost_while_connections_are_cut(
    transport: str,
) -> None:
    """Each request goes to the other server, so every second one is told `elsewhere`.

    Polls get through as well, but each loses its carrier, with a pause before the next.
    """
    with (
        uvicorn("tests.apps.numbered_app:failing") as one,
        uvicorn("tests.apps.numbered_app:failing") as other,
        round_robin(one.port, other.port) as balancer,
    ):
        async with Network(balancer.port) as network:
            session = NumberedSession("round robin", 60, 2.0, only=transport, longest=500)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(session.run(network.url, timeout=50))
                await session.begun.wait()
                network.kill_connections()
                assert not running.done(), "else nothing was tested"
        refused = [line for line in (*one.log.lines, *other.log.lines) if ELSEWHERE in line]
        assert refused, "else nothing was tested"
