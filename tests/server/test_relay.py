"""Two processes that share sessions: a request may reach either."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from byway.keys import PROCESS_NAME, new_instance, new_key, new_process_name
from byway.testing import Network
from tests.server.test_readers import EVENTS, EventSource
from tests.support.peers import connect, exchange
from tests.support.servers import Server, uvicorn
from tests.support.wire import (
    BINARY,
    PART,
    PROTOCOL_HEADERS,
    TEXT,
    RawSession,
    encode,
    encode_next,
    hello_frame,
    numbered,
)

MIB = 1 << 20
APP = "tests.apps.shared_app:app"


@contextmanager
def sharing(directory: Path, *apps: str) -> Iterator[list[Server]]:
    """Serve applications in processes that meet in a directory."""
    env = {"BYWAY_BACKPLANE": f"unix:{directory}"}
    with ExitStack() as stack:
        yield [stack.enter_context(uvicorn(app, env=env)) for app in apps]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Serve the same handlers in two processes that share their sessions."""
    with sharing(tmp_path_factory.mktemp("two") / "meet", APP, APP) as servers:
        one, other = servers
        yield one, other
    one.assert_quiet()
    other.assert_quiet()


async def runs(http: httpx.AsyncClient, *servers: Server, path: str) -> int:
    """Count the runs of the handler at a path, once all of them stand in the logs."""
    for server in servers:
        mark = f"/mark/{new_key()}"
        await RawSession(http, server.url(mark)).open()
        await server.log.seen(f"a run of {mark}")
    return sum(line.endswith(f"a run of {path}") for one in servers for line in one.log.lines)


def at(raw: RawSession, server: Server, path: str = "/echo") -> RawSession:
    """Return the same session as it is seen at another server."""
    return RawSession(raw.client, server.url(path), raw.key, raw.instance, raw.polls, raw.frames)


async def test_a_session_goes_on_over_another_process(
    two: tuple[Server, Server], transport: str
) -> None:
    first, second = two
    async with (
        Network(first.port) as network,
        connect(network.url + "/echo", transport, memory=False) as channel,
    ):
        assert await exchange(channel, "one", b"\x00one") == ["one", b"\x00one"]
        network.redirect(second.port)
        network.kill_connections()
        long = "ä" * (MIB // 2)
        assert await exchange(channel, "two") == ["two"]
        assert await exchange(channel, long) == [long]
        assert await exchange(channel, long.encode()) == [long.encode()]
        assert await exchange(channel, *map(str, range(50))) == [*map(str, range(50))]
        network.redirect(first.port)
        network.kill_connections()
        assert await exchange(channel, "three") == ["three"]
    assert channel.code == 1000


@pytest.mark.parametrize("answer", ["poll", "ack", "up"])
async def test_what_is_said_by_hand_gets_through_as_it_is(
    two: tuple[Server, Server], http: httpx.AsyncClient, answer: str
) -> None:
    first, second = two
    session = await RawSession(http, first.url("/echo")).open()
    there = at(session, second)
    said = numbered(1, (TEXT, b"over another"))
    if answer == "poll":
        assert (await there.poll(said)).status_code == 200
    else:
        mark = {"byway": "up" if answer == "up" else "1"}
        body = there.hello(answer=answer) + said
        got = await http.post(there.url, content=body, headers=PROTOCOL_HEADERS | mark)
        assert (got.status_code, got.headers["byway"]) == (200, answer)
    assert await there.messages(1) == ["over another"]


async def test_attempts_of_one_client_at_both_run_the_handler_once(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    for _ in range(20):
        key = new_key()
        attempts = [
            RawSession(http, one.url("/once"), key).poll(carrier=carrier)
            for carrier, one in enumerate(two, 1)
        ]
        answers = await asyncio.gather(*attempts)
        assert [one.status_code for one in answers] == [200, 200]
    assert await runs(http, *two, path="/once") == 20


async def test_a_refusal_is_the_same_at_both(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    key = new_key()
    before = await runs(http, *two, path="/refuse")
    sessions = [RawSession(http, one.url("/refuse?after=0.5"), key) for one in two]
    raced = await asyncio.gather(*(one.poll() for one in sessions))
    later = [await one.poll() for one in sessions]
    for answer in (*raced, *later):
        assert (answer.status_code, answer.text) == (403, "not you")
        assert (answer.headers["byway"], answer.headers["x-why"]) == ("refused", "no")
    assert await runs(http, *two, path="/refuse") == before + 1


async def test_a_session_that_has_ended_is_ended_at_both(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    first, second = two
    session = await RawSession(http, first.url("/echo")).open()
    async with connect(first.url("/echo"), "poll"):
        pass
    again = at(session, second)
    again.instance = None
    assert (await again.poll(carrier=2)).status_code == 200  # it lives, and is joined
    key = new_key()
    refused = RawSession(http, first.url("/refuse?after=0"), key)
    assert (await refused.poll()).status_code == 403


def dial(
    server: Server,
    session: RawSession,
    carrier: int = 7,
    headers: dict[str, str] | None = None,
) -> websockets.connect:
    """Open a WebSocket that goes on with a session."""
    token = f"byway.1.{session.key}.0.1048576.{carrier}"
    offers = ["byway.1", token if session.instance is None else f"{token}.{session.instance}"]
    return websockets.connect(
        server.url("/echo", scheme="ws"),
        subprotocols=[Subprotocol(one) for one in offers],
        additional_headers=headers,
        max_size=None,
        proxy=None,
        compression=None,
    )


async def closing(socket: ClientConnection) -> tuple[int, str]:
    """Wait until a WebSocket is closed, and return how."""
    async with asyncio.timeout(10):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


BAD = {
    "a frame that is none": (b"\x00\x00\x00\x00\x01x", 1002),
    "a gap": (encode_next(9) + encode(TEXT, b"late"), 1002),
    "a frame over the bound": (encode(PART, b"x" * (65 << 10)), 1009),
    "a message of frames over the bound": (encode_next(1) + encode(BINARY, b"x") * 180_000, 1009),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_websocket_is_closed_with_the_same_code_as_at_its_owner(
    two: tuple[Server, Server], http: httpx.AsyncClient, name: str
) -> None:
    data, code = BAD[name]
    session = await RawSession(http, two[0].url("/echo")).open()
    closed = []
    for carrier, server in enumerate(two, 7):
        async with dial(server, session, carrier) as socket:
            await socket.send(data)
            closed.append(await closing(socket))
    assert [one[0] for one in closed] == [code, code]
    assert closed[0] == closed[1]


async def test_a_session_of_nobody_is_refused_at_both(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    first, second = two
    mine = await RawSession(http, first.url("/echo")).open()
    assert mine.instance is not None
    process = mine.instance[:PROCESS_NAME]
    for server in two:
        stranger = RawSession(http, server.url("/echo"), instance=process + "x" * 16)
        answer = await stranger.batch(b"")
        assert (answer.status_code, answer.headers["byway-gone"]) == (410, "unknown")
    unheard = RawSession(http, second.url("/echo"), instance=new_instance(new_process_name()))
    answer = await unheard.batch(b"")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_each_header_for_a_page_of_another_origin_comes_once(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    app = "tests.apps.shared_app:pages"
    page = {"origin": "https://app.example"}
    with sharing(tmp_path / "meet", app, app) as (first, second):
        session = RawSession(http, first.url("/echo"))
        opened = await http.post(
            session.url,
            content=session.hello(answer="poll", poll=1),
            headers={**PROTOCOL_HEADERS, **page},
        )
        session.take(opened)
        got, body = [], session.hello(answer="ack")
        for server in (first, second):
            answer = await http.post(
                server.url("/echo"), content=body, headers={**PROTOCOL_HEADERS, **page}
            )
            assert answer.status_code == 200
            got.append(sorted(name for name, _ in answer.headers.multi_items()))
        assert got[0] == got[1]
        assert got[1].count("access-control-allow-origin") == 1
        assert got[1].count("vary") == 1
        foreign = {"origin": "https://evil.example"}
        refused = await http.post(
            second.url("/echo"), content=body, headers={**PROTOCOL_HEADERS, **foreign}
        )
        assert refused.status_code == 403


async def test_whose_a_session_is_is_known_at_both(tmp_path: Path, http: httpx.AsyncClient) -> None:
    app = "tests.apps.shared_app:bound"
    with sharing(tmp_path / "meet", app, app) as (first, second):

        async def said(server: Server, body: bytes, user: str) -> httpx.Response:
            headers = {**PROTOCOL_HEADERS, "x-user": user}
            return await http.post(server.url("/echo"), content=body, headers=headers)

        for user in ("alice", "many", "uuid"):
            session = RawSession(http, first.url("/echo"))
            session.take(await said(first, session.hello(answer="poll", poll=1), user))
            body = session.hello(answer="ack")
            assert (await said(second, body, user)).status_code == 200
            assert (await said(second, body, "mallory")).status_code == 403
        answer = await said(first, hello_frame(answer="poll", poll=1), "role")
        assert answer.status_code == 500
        await first.log.seen(
            r"bind returned a Role, which cannot be sent to another process: return str, bytes"
        )
        first.assert_quiet()


async def test_an_endpoint_of_another_name_knows_nothing_of_it(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    other = "tests.apps.shared_app:elsewhere"
    with sharing(tmp_path / "meet", APP, other) as (first, second):
        session = await RawSession(http, first.url("/echo")).open()
        answer = await at(session, second).batch(b"")
        assert (answer.status_code, answer.headers["byway-gone"]) == (410, "unknown")
        assert "has no such endpoint" in answer.text


async def test_two_endpoints_that_nobody_can_tell_apart_are_an_error(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with sharing(tmp_path / "meet", "tests.apps.shared_app:twins") as (server,):
        await RawSession(http, server.url("/one")).open()
        answer = await RawSession(http, server.url("/two")).poll()
        assert answer.status_code == 500
        await server.log.seen("UsageError: two endpoints in this process.*its own name=")


async def test_a_dead_owner_is_told_at_once(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        session = await RawSession(http, first.url("/echo")).open()
        there = at(session, second)
        async with dial(second, session) as socket:
            await socket.recv()
            first.program.process.send_signal(signal.SIGKILL)
            assert (await closing(socket))[0] == 1001
        # The system closes its sockets before its locks, by which the other knows that it is dead.
        await asyncio.to_thread(first.program.process.wait)
        for answer in (await there.batch(b""), await there.poll()):
            assert (answer.status_code, answer.headers["byway-gone"]) == (410, "ended")
            assert 0 <= int(answer.headers["retry-after"]) <= 5
        anew = at(session, second)
        anew.instance = None
        assert (await anew.poll(carrier=3)).status_code == 410
        second.assert_quiet()


async def test_an_event_source_whose_process_was_killed_is_told_and_goes_on(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        async with http.stream("GET", first.url("/count?count=3"), headers=EVENTS) as answer:
            source = EventSource(answer)
            seen = [await source.next() for _ in range(2)]
            assert seen[1] is not None
            last_id = seen[1].last_id
        headers = {**EVENTS, "last-event-id": last_id}
        url = second.url("/count?count=3")
        async with http.stream("GET", url, headers=headers) as answer:
            source = EventSource(answer)
            more = await source.next()
            assert more is not None
            assert more.data == "number 2"  # it goes on where its handler is
            assert await runs(http, second, path="/count") == 0
        first.program.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(first.program.process.wait)
        async with http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200
            source = EventSource(answer)
            lost, begun = await source.next(), await source.next()
            assert lost is not None
            assert begun is not None
            assert (lost.name, json.loads(lost.data)["reason"] != "") == ("lost", True)
            assert begun.data == "number 0"


async def test_an_event_source_is_told_of_what_its_process_keeps_no_more(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    first, second = two
    async with http.stream("GET", first.url("/count?count=1"), headers=EVENTS) as answer:
        source = EventSource(answer)
        await source.next()
        last_id = source.reader.last_id
    headers = {**EVENTS, "last-event-id": re.sub(r"\.\d+$", ".77", last_id)}
    async with http.stream("GET", second.url("/count?count=1"), headers=headers) as answer:
        assert answer.status_code == 200
        lost = await EventSource(answer).next()
        assert lost is not None
        assert "no longer kept" in lost.data


@pytest.mark.timeout(60)
async def test_an_owner_that_is_paused_is_waited_for_and_loses_nothing(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        session = await RawSession(http, first.url("/echo")).open()
        there = at(session, second)
        assert (await there.batch(numbered(1, (TEXT, b"a")))).status_code == 200
        process = first.program.process
        process.send_signal(signal.SIGSTOP)
        try:
            answer = await there.batch(numbered(2, (TEXT, b"b")))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        finally:
            process.send_signal(signal.SIGCONT)
        assert (await there.batch(numbered(2, (TEXT, b"b")))).status_code == 200
        assert await there.messages(2) == ["a", "b"]


@pytest.mark.timeout(60)
async def test_a_relay_that_stops_moves_its_carriers_first(
    tmp_path: Path, http: httpx.AsyncClient, transport: str
) -> None:
    with sharing(tmp_path / "meet", APP, APP, APP) as (first, relay, third):
        async with (
            Network(first.port) as network,
            connect(network.url + "/echo", transport, memory=False) as channel,
        ):
            assert await exchange(channel, "one") == ["one"]
            network.redirect(relay.port)
            network.kill_connections()
            assert await exchange(channel, "two") == ["two"]
            network.redirect(third.port)  # new connections only
            relay.program.process.send_signal(signal.SIGTERM)
            for number in range(20):
                assert await exchange(channel, str(number)) == [str(number)]
                await asyncio.sleep(0.05)  # the pace of what is said
            await asyncio.to_thread(relay.program.process.wait, 20)
            assert await exchange(channel, "three") == ["three"]
        assert channel.code == 1000
        assert await runs(http, first, third, path="/echo") == 1


@pytest.mark.timeout(60)
async def test_an_owner_that_stops_tells_clients_of_another_process(
    tmp_path: Path, transport: str
) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        async with (
            Network(first.port) as network,
            connect(network.url + "/echo", transport, memory=False) as channel,
        ):
            assert await exchange(channel, "one") == ["one"]
            network.redirect(second.port)
            network.kill_connections()
            assert await exchange(channel, "two") == ["two"]
            first.program.process.send_signal(signal.SIGTERM)
            assert await channel.receive() is None
            assert channel.code == 1012
            await first.log.seen("a run of /echo ended")
            await asyncio.to_thread(first.program.process.wait, 20)
        first.assert_quiet()


@pytest.mark.timeout(60)
async def test_a_server_that_has_served_its_requests_tells_its_clients_too(
    tmp_path: Path, http: httpx.AsyncClient, transport: str
) -> None:
    env = {"BYWAY_BACKPLANE": f"unix:{tmp_path / 'meet'}"}
    with (
        uvicorn(APP, "--limit-max-requests", "20", env=env) as first,
        uvicorn(APP, env=env) as second,
    ):
        async with (
            Network(first.port) as network,
            connect(network.url + "/echo", transport, memory=False) as channel,
        ):
            assert await exchange(channel, "one") == ["one"]
            network.redirect(second.port)
            for _ in range(20):
                with contextlib.suppress(httpx.TransportError):
                    await http.get(first.url("/"), headers={"accept": "application/byway"})
            assert await channel.receive() is None
            assert channel.code == 1012
        await asyncio.to_thread(first.program.process.wait, 20)
        first.assert_quiet()


async def test_a_page_whose_websocket_may_only_move_a_session_moves_it_at_both(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    first, second = two
    page = {"origin": "http://public.example"}  # a proxy has changed `Host`
    http.headers.update(page)
    session = await RawSession(http, first.url("/echo")).open()
    async with dial(second, session, headers=page) as socket:
        assert isinstance(await socket.recv(), bytes)
    for headers in ({"origin": "http://evil.example"}, page):
        if headers is page:
            session.instance = None  # it may not open one
        for server in two:
            with pytest.raises(websockets.InvalidStatus) as caught:
                async with dial(server, session, headers=headers):
                    pass
            answer = caught.value.response
            assert (answer.status_code, answer.headers["byway"]) == (403, "error")
            assert b"only over HTTP" in (answer.body or b"")


async def test_a_handshake_is_refused_with_the_same_words_at_both(
    two: tuple[Server, Server], http: httpx.AsyncClient
) -> None:
    mine = await RawSession(http, two[0].url("/echo")).open()
    assert mine.instance is not None
    said = []
    for server in two:
        stranger = RawSession(http, "", instance=mine.instance)
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with dial(server, stranger):
                pass
        answer = caught.value.response
        said.append((answer.status_code, answer.headers["byway-gone"], answer.body))
    assert said[0] == said[1]
    assert said[0][0] == 410


@pytest.mark.timeout(60)
@pytest.mark.parametrize("transport", ["websocket", "stream", "sse"])  # polls are one carrier
async def test_a_handler_may_finish_though_its_client_is_at_another_process(
    tmp_path: Path, transport: str
) -> None:
    """Without a lifespan nothing but `_stop` waits for it."""
    env = {"BYWAY_BACKPLANE": f"unix:{tmp_path / 'meet'}"}
    app = "tests.apps.shutdown_app:slow"
    with uvicorn(app, "--lifespan", "off", env=env) as first, uvicorn(app, env=env) as second:
        async with (
            Network(first.port) as network,
            connect(network.url + "/", transport, memory=False) as channel,
        ):
            assert await channel.receive() == "here"
            mark = first.log.mark()
            network.redirect(second.port)
            network.kill_connections()
            await first.log.seen(f"{transport} carrier opened", since=mark)
            first.program.terminate()
            assert await channel.receive() is None
            assert channel.code == 1012
        await first.log.seen("left with 1012")
        await asyncio.to_thread(first.program.process.wait, 20)
