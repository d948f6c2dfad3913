"""Readers without a client library: real `curl -N`, and what an `EventSource` does."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from tests.apps.readers_app import KINDS
from tests.support.events import EventReader, SeenEvent
from tests.support.peers import connect
from tests.support.process import Program, find_program, running
from tests.support.servers import Server, uvicorn
from tests.support.wire import RawSession

EVENTS = {"accept": "text/event-stream"}


async def open_gate(server: Server, gate: str) -> None:
    """Let the handler behind this gate go on."""
    async with connect(server.url(f"/open?gate={gate}"), "stream"):
        pass


def curl(*arguments: str) -> Program:
    """Start a real curl."""
    return Program([find_program("curl"), "-sS", "--noproxy", "*", *arguments])


class EventSource:
    """One connection of an `EventSource`.

    Attributes:
        answer: the response, of which the head has come.
        reader: keeps the last event id.
    """

    def __init__(self, answer: httpx.Response) -> None:
        """Read the events of this answer."""
        self.answer = answer
        self.reader = EventReader()
        self._pieces = answer.aiter_raw()
        self._seen: list[SeenEvent] = []

    async def next(self) -> SeenEvent | None:
        """Return the next event, None at the end of the answer."""
        async with asyncio.timeout(10):
            while not self._seen:
                try:
                    self._seen += self.reader.feed(await anext(self._pieces))
                except StopAsyncIteration:
                    return None
        return self._seen.pop(0)


@asynccontextmanager
async def event_source(url: str, last_id: str | None = None) -> AsyncIterator[EventSource]:
    """Connect as an `EventSource` does, over a socket of its own that is closed at the end."""
    headers = EVENTS | ({} if last_id is None else {"last-event-id": last_id})
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        async with client.stream("GET", url, headers=headers) as answer:
            yield EventSource(answer)


async def test_curl_sees_each_line_as_it_is_sent(readers_server: Server) -> None:
    gate = uuid4().hex
    with running(curl("-N", readers_server.url(f"/gate?gate={gate}"))) as program:
        await program.log.seen("^before$")
        assert "after" not in program.log.lines
        await open_gate(readers_server, gate)
        await program.log.seen("^after$")
        assert await asyncio.to_thread(program.wait) == 0, "the answer ended as it should"
        assert [line for line in program.log.lines if line] == ["before", "after"]


async def test_curl_sees_every_kind_of_message_as_one_line(readers_server: Server) -> None:
    with running(curl("-N", readers_server.url("/kinds"))) as program:
        assert await asyncio.to_thread(program.wait) == 0
        lines = program.log.lines
    binary = base64.b64encode(b"\x00\xffbinary").decode()
    assert lines[0] == "plain"
    assert lines[1] == ""
    assert [json.loads(line) for line in lines[2:8]] == [
        "two\nlines",
        "carriage\rreturn",
        '"quoted"',
        "nul\x00 and \u2028",
        f"data:application/octet-stream;base64,{binary}",
        "data:application/octet-stream;base64,",
    ]
    assert lines[8:] == ["last"]


async def test_curl_can_ask_for_events(readers_server: Server) -> None:
    url = readers_server.url("/finite?count=2")
    with running(curl("-N", "-H", "Accept: text/event-stream", url)) as program:
        assert await asyncio.to_thread(program.wait) == 0
        data = [line for line in program.log.lines if line.startswith("data: ")]
    assert data[:2] == ["data: number 0", "data: number 1"]
    assert json.loads(data[2].removeprefix("data: ")) == {"code": 4000, "reason": "done"}


async def test_the_answers_head_says_what_it_is(
    readers_server: Server, http: httpx.AsyncClient
) -> None:
    for headers, kind in (({}, "text/plain; charset=utf-8"), (EVENTS, "text/event-stream")):
        url = readers_server.url("/finite?count=1")
        async with http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert "content-length" not in answer.headers
            assert answer.headers["cache-control"] == "no-store, no-transform"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["x-answer"] == "from the handler"
            assert "connection" not in answer.headers, "HTTP/2 forbids it"


async def test_every_kind_of_message_is_an_event(readers_server: Server) -> None:
    async with event_source(readers_server.url("/kinds")) as source:
        seen = [await source.next() for _ in range(len(KINDS) + 1)]
    got = [(event.name, event.data) for event in seen if event is not None]
    assert got == [
        ("message", "plain"),
        ("message", ""),
        ("message", "two\nlines"),
        ("json", json.dumps("carriage\rreturn")),
        ("message", '"quoted"'),
        ("message", "nul\x00 and \u2028"),
        ("binary", base64.b64encode(b"\x00\xffbinary").decode()),
        ("binary", ""),
        ("message", "last"),
        ("close", json.dumps({"code": 4000, "reason": "done"})),
    ]


async def test_an_event_source_resumes_without_loss(readers_server: Server) -> None:
    """The socket is closed again and again, wherever the stream happens to be."""
    count, connections = 2000, 0
    got: list[SeenEvent] = []
    url = readers_server.url(f"/count?count={count}")
    while len(got) < count:
        connections += 1
        async with event_source(url, got[-1].last_id if got else None) as source:
            for _ in range(min(137, count - len(got))):
                event = await source.next()
                assert event is not None
                assert event.name == "message"
                got.append(event)
    assert [event.data for event in got] == [f"number {number}" for number in range(count)]
    assert connections == 15, "else nothing was resumed"


async def test_an_event_source_that_resumes_comes_back_to_the_same_run(
    readers_server: Server,
) -> None:
    """It gets what the handler sends later, once, and the handler is not started again."""
    gate = uuid4().hex
    mark = readers_server.log.mark()
    url = readers_server.url(f"/gate?gate={gate}")
    async with event_source(url) as source:
        first = await source.next()
        assert first is not None
        assert first.data == "before"
    await open_gate(readers_server, gate)
    async with event_source(url, first.last_id) as source:
        rest = [await source.next(), await source.next(), await source.next()]
    assert [event.data for event in rest[:1] if event] == ["after"]
    assert [event.name for event in rest[1:2] if event] == ["close"]
    assert rest[2] is None
    opened = [line for line in readers_server.log.since(mark) if "opened at /gate" in line]
    assert len(opened) == 1


async def test_an_event_source_is_told_to_stop_after_the_end(
    readers_server: Server, http: httpx.AsyncClient
) -> None:
    """A browser reconnects after every end, until it is answered 204 (WHATWG HTML, 9.2.3)."""
    url = readers_server.url("/finite?count=3")
    async with event_source(url) as source:
        events = [await source.next() for _ in range(5)]
    assert events[3] is not None
    assert events[3].name == "close"
    assert events[4] is None
    again = await http.get(url, headers=EVENTS | {"last-event-id": events[3].last_id})
    assert (again.status_code, again.content) == (204, b"")


async def test_an_event_source_that_missed_the_end_gets_it(readers_server: Server) -> None:
    url = readers_server.url("/finite?count=3")
    async with event_source(url) as source:
        first = await source.next()
        assert first is not None
    async with event_source(url, first.last_id) as source:
        rest = [await source.next() for _ in range(4)]
    assert [event.data for event in rest[:2] if event] == ["number 1", "number 2"]
    assert [event.name for event in rest[2:3] if event] == ["close"]
    assert rest[3] is None


async def test_what_is_too_old_is_said_to_be_lost() -> None:
    """The ring of this server holds 4 KiB; what was written before is gone."""
    with uvicorn("tests.apps.readers_app:forgetful") as server:
        url = server.url("/forever")
        async with event_source(url) as source:
            first = await source.next()
            for _ in range(2000):
                await source.next()
        assert first is not None
        assert first.data == "number 0"
        async with event_source(url, first.last_id) as source:
            lost, begun = await source.next(), await source.next()
        assert lost is not None
        assert lost.name == "lost"
        assert "no longer kept" in json.loads(lost.data)["reason"]
        assert begun is not None
        assert begun.data == "number 0", "a new session begins"
        assert begun.last_id.split(".")[0] != first.last_id.split(".")[0]
    server.assert_quiet()


@pytest.mark.parametrize("last_id", ["nonsense", "A" * 32 + ".7", "." * 5, "x" * 5000])
async def test_an_id_that_nobody_gave_is_said_to_be_lost(
    readers_server: Server, last_id: str
) -> None:
    async with event_source(readers_server.url("/count?count=1"), last_id) as source:
        lost, begun = await source.next(), await source.next()
    assert lost is not None
    assert lost.name == "lost"
    assert begun is not None
    assert begun.data == "number 0"


async def test_the_session_of_a_client_cannot_be_read_along(
    endpoint_server: Server, http: httpx.AsyncClient
) -> None:
    """A reader's id names a reader's session; that of a byway client is none of its business."""
    session = await RawSession(http, endpoint_server.url("/echo")).open()
    async with event_source(endpoint_server.url("/info"), f"{session.key}.0") as source:
        lost = await source.next()
    assert lost is not None
    assert lost.name == "lost"


async def test_a_reader_is_refused_as_the_application_says(
    readers_server: Server, http: httpx.AsyncClient
) -> None:
    for headers in ({}, EVENTS):
        answer = await http.get(readers_server.url("/refuse"), headers=headers)
        assert answer.status_code == 403


async def test_a_reader_that_stops_reading_makes_the_handler_wait(
    readers_server: Server,
) -> None:
    """The handler of /forever never pauses by itself; another session is served meanwhile."""
    async with event_source(readers_server.url("/forever")) as source:
        await source.next()
        async with event_source(readers_server.url("/finite?count=3")) as other:
            events = [await other.next() for _ in range(4)]
        assert [event.name for event in events if event][-1] == "close"


async def test_a_middleware_reads_only_at_its_paths(http: httpx.AsyncClient) -> None:
    with uvicorn("tests.apps.origins_app:named") as server:
        async with http.stream("GET", server.url("/info")) as answer:
            assert (answer.status_code, answer.headers.get("byway")) == (200, "lines")
        answer = await http.get(server.url("/echo"))
        assert answer.status_code == 404, "the application has no such page"
        assert "byway" not in answer.headers
    server.assert_quiet()


async def test_who_asks_whether_anybody_is_there_starts_no_handler(endpoint_server: Server) -> None:
    """A page does, with the only header that an opaque request may have."""
    mark = endpoint_server.log.mark()
    async with httpx.AsyncClient() as client:
        got = await client.get(
            endpoint_server.url("/echo"), headers={"accept": "application/byway"}
        )
        assert got.status_code == 426
        async with client.stream("GET", endpoint_server.url("/echo")) as reading:
            assert reading.status_code == 200
    opened = [line for line in endpoint_server.log.since(mark) if "opened at" in line]
    assert len(opened) == 1
