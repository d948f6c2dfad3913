"""What stands in an event stream for readers, byte for byte, and how a reader is told to wait."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.server.test_readers import event_source, open_gate
from tests.server.test_relay import sharing
from tests.support.servers import Server, uvicorn

EVENT_SOURCE = {"accept": "text/event-stream", "cache-control": "no-cache"}
"""What the standards have an `EventSource` send."""


@pytest.fixture(scope="module")
def quick() -> Iterator[Server]:
    """Serve with a heartbeat of 0.1 s, and events for those who have no preference."""
    with uvicorn("tests.apps.readers_app:quick") as server:
        yield server
    server.assert_quiet()


async def lines_of(url: str, headers: dict[str, str] | None = None) -> list[str]:
    """Return the lines of a response that ends."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (await client.get(url, headers=headers)).text.split("\n")


async def test_an_id_is_the_last_line_of_its_event(quick: Server) -> None:
    retry, *lines, end = await lines_of(quick.url("/kinds"), EVENT_SOURCE)
    assert end == ""
    assert 1000 <= int(retry.removeprefix("retry: ")) <= 3000
    events = "\n".join(one for one in lines if one != ":").removesuffix("\n").split("\n\n")
    assert len(events) == 10
    for number, event in enumerate(events, 1):
        *before, last = event.split("\n")
        assert re.fullmatch(rf"id: [\w-]+\.{number}", last)
        assert all(line.startswith(("data: ", "event: ")) for line in before)


async def test_a_heartbeat_is_a_comment_without_a_blank_line(quick: Server) -> None:
    gate = uuid4().hex
    url = quick.url(f"/gate?gate={gate}")
    came = ""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        async with client.stream("GET", url, headers=EVENT_SOURCE) as answer:
            pieces = answer.aiter_text()
            while not came.endswith(":\n:\n:\n"):
                came += await anext(pieces)
            await open_gate(quick, gate)
            async for piece in pieces:
                came += piece
    assert re.fullmatch(
        r"retry: \d+\n"
        r"data: before\nid: \S+\.1\n\n(:\n){3,}"
        r"data: after\nid: \S+\.2\n\n(:\n)*"
        r"event: close\ndata: .*\nid: \S+\.3\n\n",
        came,
    )


async def test_a_reader_without_a_preference_gets_what_the_path_is_told(quick: Server) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        got = {
            accept: (await client.get(quick.url("/finite?count=1"), headers={"accept": accept}))
            for accept in ("*/*", "text/event-stream", "text/plain")
        }
    assert {accept: one.headers["content-type"] for accept, one in got.items()} == {
        "*/*": "text/event-stream; charset=utf-8",
        "text/event-stream": "text/event-stream; charset=utf-8",
        "text/plain": "text/plain; charset=utf-8",
    }
    assert got["text/plain"].text.split() == ["number", "0"]
    again = {"accept": "*/*", "last-event-id": re.findall(r"id: (.*)", got["*/*"].text)[0]}
    assert "number 0" not in "".join(await lines_of(quick.url("/finite?count=1"), again)), "resumed"


def wait_of(answer: httpx.Response) -> float:
    """Return the seconds that an event stream without events says to wait."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, no-transform"
    match = re.fullmatch(r"retry: (\d+)\n", answer.text)
    assert match is not None, answer.text
    return int(match[1]) / 1000


async def test_an_event_source_comes_back_where_there_is_no_room() -> None:
    """It would give up for good on a 503; whoever may read the status gets it."""
    with uvicorn("tests.apps.readers_app:full") as server:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            async with event_source(server.url("/count?count=1")) as first:
                assert await first.next() is not None
                url = server.url("/finite?count=1")
                assert 5 <= wait_of(await client.get(url, headers=EVENT_SOURCE)) <= 10
                for headers in ({}, {"accept": "text/event-stream"}, {"cache-control": "no-cache"}):
                    answer = await client.get(url, headers=headers)
                    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            refused = [line for line in server.log.lines if "refused GET /finite" in line]
            assert len(refused) == 4, "each of them is logged"
    server.assert_quiet()


async def test_an_event_source_waits_as_long_as_the_application_says(quick: Server) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.get(quick.url("/busy"), headers=EVENT_SOURCE)
        assert 7 <= wait_of(answer) <= 14
        assert answer.headers["x-answer"] == "from the handler"
        answer = await client.get(quick.url("/busy"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        answer = await client.get(quick.url("/refuse"), headers=EVENT_SOURCE)
        assert answer.status_code == 403, "this will not pass"


async def test_what_ended_with_its_server_is_not_said_to_be_over() -> None:
    """A 204 would stop an `EventSource` that comes back before the server is gone."""
    with uvicorn("tests.apps.readers_app:quick") as server:
        gate = uuid4().hex
        async with event_source(server.url(f"/gate?gate={gate}")) as late:  # makes the server wait
            assert await late.next() is not None
            async with event_source(server.url("/count?count=1")) as source:
                first = await source.next()
                assert first is not None
                server.program.process.send_signal(signal.SIGTERM)
                close = await source.next()
                assert close is not None
                assert (close.name, json.loads(close.data)["code"]) == ("close", 1012)
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                headers = EVENT_SOURCE | {"last-event-id": close.last_id}
                answer = await client.get(server.url("/count?count=1"), headers=headers)
                assert 5 <= wait_of(answer) <= 10
        assert await asyncio.to_thread(server.program.wait, 30) == -signal.SIGTERM
    server.assert_quiet()


async def test_what_ended_with_its_process_begins_anew_at_another(tmp_path: Path) -> None:
    """The other asks the process that is going away, and does not pass its 204 on."""
    app = "tests.apps.readers_app:quick"
    with sharing(tmp_path / "meet", app, app) as (first, second):
        async with event_source(first.url(f"/gate?gate={uuid4().hex}")) as late:
            assert await late.next() is not None
            async with event_source(first.url("/count?count=1")) as source:
                assert await source.next() is not None
                first.program.process.send_signal(signal.SIGTERM)
                close = await source.next()
                assert close is not None
                assert (close.name, json.loads(close.data)["code"]) == ("close", 1012)
            async with event_source(second.url("/count?count=1"), close.last_id) as again:
                lost, begun = await again.next(), await again.next()
                assert lost is not None
                assert begun is not None
                assert (lost.name, begun.data) == ("lost", "number 0")
    second.assert_quiet()
