"""Rules about bodies: held, refused, without chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from byway import UsageError
from byway.testing import (
    BlockTypes,
    BufferRequests,
    BufferResponses,
    FlushEvery,
    HoldText,
    Http10,
    Network,
    NetworkLimits,
    OneBehind,
    RefuseBodies,
    RefuseChunked,
    Rule,
)
from tests.testing.clients import get, raw_client
from tests.testing.origin import Origin


async def pieces(*some: bytes) -> AsyncIterator[bytes]:
    """Make a body without a length."""
    for one in some:
        yield one


async def test_bodies_stream_where_no_rule_holds_them(origin: Origin) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.send(
            b"POST /live HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        seen = await origin.request()
        while seen.body != b"abc":
            origin.arrived.clear()
            await asyncio.wait_for(origin.arrived.wait(), 10)
        assert not seen.whole.is_set()
        await client.send(b"0\r\n\r\n")
        assert "200" in await client.head()
        await origin.pieces.put(b"first")
        assert await client.exactly(10) == b"5\r\nfirst\r\n"
        await origin.pieces.put(None)
        assert await client.exactly(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("path", ["/live", "/text"])
async def test_an_answer_is_held_to_its_end(origin: Origin, path: str) -> None:
    async with Network(origin.port, BufferResponses()) as network:
        async with raw_client(network.port) as client:
            await client.send(get(path))
            for piece in (b"first", b"second"):
                await origin.pieces.put(piece)
            await origin.request()
            assert network.counters.bytes_down == 0
            reading = asyncio.create_task(client.head())
            await settle(network, origin)
            assert not reading.done()
            await origin.pieces.put(None)
            assert "200" in await reading
            assert b"firstsecond" in await client.exactly(20)


async def settle(network: Network, origin: Origin) -> None:
    """Bring a request of one's own through, by which time what came before would have passed."""
    async with raw_client(network.port) as client:
        await client.send(get("/size/3"))
        await client.head()
        assert await client.exactly(3) == b"xxx"


async def test_an_answer_passes_in_blocks(origin: Origin) -> None:
    async with Network(origin.port, BufferResponses(until_bytes=10)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            await origin.pieces.put(b"123456")
            await origin.request()
            assert network.counters.bytes_down == 0
            await origin.pieces.put(b"789abcde")
            await client.head()
            assert await client.exactly(15) == b"a\r\n123456789a\r\n"
            await origin.pieces.put(None)
            assert (await client.exactly(14)) == b"4\r\nbcde\r\n0\r\n\r\n"


async def test_nginx_passes_on_live_what_asks_for_it(origin: Origin) -> None:
    rule = BufferResponses(until_bytes=1000, unless_accel=True)
    async with Network(origin.port, rule) as network, raw_client(network.port) as client:
        await client.send(get("/accel"))
        await client.head()
        await origin.pieces.put(b"live")
        assert await client.exactly(9) == b"4\r\nlive\r\n"


async def test_text_is_held_and_bytes_pass(origin: Origin) -> None:
    async with Network(origin.port, HoldText()) as network:
        async with raw_client(network.port) as live:
            await live.send(get("/live"))
            await live.head()
            await origin.pieces.put(b"now")
            assert await live.exactly(8) == b"3\r\nnow\r\n"
        async with raw_client(network.port) as text:
            before = network.counters.bytes_down
            await text.send(get("/text"))
            await origin.request(1)
            await asyncio.wait_for(origin.seen[0].left.wait(), 10)
            await origin.pieces.put(b"later")
            await origin.pieces.put(None)
            assert "text/event-stream" in await text.head()
            assert await text.exactly(15) == b"5\r\nlater\r\n0\r\n\r\n"
            assert network.counters.bytes_down > before


async def test_a_piece_passes_when_the_next_one_comes(origin: Origin) -> None:
    async with Network(origin.port, OneBehind()) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            await client.head()
            await origin.pieces.put(b"one")
            reading = asyncio.create_task(client.exactly(8))
            await settle(network, origin)
            assert not reading.done()
            await origin.pieces.put(b"two")
            assert await reading == b"3\r\none\r\n"
            await origin.pieces.put(None)
            assert await client.exactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_what_has_come_passes_every_so_often(origin: Origin) -> None:
    async with Network(origin.port, FlushEvery(0.5)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            await client.head()
            await origin.pieces.put(b"one")
            await origin.pieces.put(b"two")
            assert await client.exactly(11) == b"6\r\nonetwo\r\n"
            await origin.pieces.put(b"three")
            assert await client.exactly(10) == b"5\r\nthree\r\n"
            await origin.pieces.put(b"end")
            await origin.pieces.put(None)
            assert await client.exactly(13) == b"3\r\nend\r\n0\r\n\r\n"


@pytest.mark.parametrize("rule", [OneBehind(), FlushEvery(60)])
async def test_an_answer_that_ends_is_not_held(
    rule: Rule, origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, rule) as network:
        assert (await http.get(f"{network.url}/size/2000")).content == b"x" * 2000
        assert (await http.get(f"{network.url}/chunks/2000")).content == b"x" * 2000


@pytest.mark.parametrize("rule", [OneBehind(), FlushEvery(60)])
async def test_what_holds_for_longer_wins(rule: Rule, origin: Origin) -> None:
    for rules in ((rule, BufferResponses()), (BufferResponses(), rule)):
        async with Network(origin.port, *rules) as network, raw_client(network.port) as client:
            await client.send(get("/live"))
            await origin.pieces.put(b"one")
            await origin.pieces.put(b"two")
            await settle(network, origin)
            assert network.counters.bytes_down < 200
            await origin.pieces.put(None)
            await client.head()


@pytest.mark.parametrize("status", [403, 200])
async def test_a_page_stands_in_the_place_of_a_type_that_is_blocked(
    origin: Origin, http: httpx.AsyncClient, status: int
) -> None:
    rule = BlockTypes(types=("text/*",), status=status)
    async with Network(origin.port, rule) as network:
        blocked = await http.get(f"{network.url}/text")
        assert blocked.status_code == status
        assert blocked.headers["content-type"] == "text/html"
        assert "blocked" in blocked.text
        assert (network.counters.passed, network.counters.cut) == (1, 1)
        async with raw_client(network.port) as live:
            await live.send(get("/live"))
            assert "application/octet-stream" in await live.head()
            await origin.pieces.put(b"now")
            assert await live.exactly(8) == b"3\r\nnow\r\n"
        assert network.counters.cut == 1


async def test_a_type_that_is_blocked_may_be_cut_after_its_head(origin: Origin) -> None:
    async with Network(origin.port, BlockTypes(status=None)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            assert "application/octet-stream" in await client.head()
            await origin.pieces.put(b"first")
            assert (await client.rest())[0] == b""
        assert network.counters.cut == 1


def test_a_page_has_a_status() -> None:
    for status in (100, 199, 600):
        with pytest.raises(UsageError, match="status"):
            BlockTypes(status=status)


async def test_more_than_may_be_held_is_an_error(origin: Origin, http: httpx.AsyncClient) -> None:
    limits = NetworkLimits(held=1000)
    rules = (BufferResponses(), BufferRequests())
    async with Network(origin.port, *rules, limits=limits) as network:
        assert (await http.get(f"{network.url}/chunks/2000")).status_code == 502
        assert (await http.post(network.url, content=b"x" * 2000)).status_code == 413
        assert (await http.get(f"{network.url}/chunks/1000")).content == b"x" * 1000


async def test_a_request_arrives_whole_with_a_length(
    origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, BufferRequests()) as network:
        answer = await http.post(network.url, content=pieces(b"one", b"two"))
        assert answer.text == "onetwo"
        seen = origin.seen[0]
        assert seen.header("content-length") == "6"
        assert seen.header("transfer-encoding") is None


async def test_a_held_request_is_asked_to_continue(origin: Origin) -> None:
    async with Network(origin.port, BufferRequests()) as network:
        async with raw_client(network.port) as client:
            await client.send(
                b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            assert await client.status() == 100
            await client.send(b"ok")
            assert await client.status() == 200
            assert await client.exactly(2) == b"ok"
            assert origin.seen[0].header("expect") is None


async def test_a_chunked_request_is_refused(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, RefuseChunked()) as network:
        assert (await http.post(network.url, content=pieces(b"one"))).status_code == 411
        assert (await http.post(network.url, content=b"one")).text == "one"
        assert len(origin.seen) == 1


async def test_a_long_body_is_refused(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, RefuseBodies(over=1000)) as network:
        assert (await http.post(network.url, content=b"x" * 1000)).status_code == 200
        assert (await http.post(network.url, content=b"x" * 1001)).status_code == 413
        assert len(origin.seen) == 1
        long = pieces(b"x" * 600, b"x" * 600)
        assert (await http.post(network.url, content=long)).status_code == 413
        assert network.counters.answered == 2


async def test_the_answer_to_a_very_long_body_arrives(
    origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, RefuseBodies(over=1000)) as network:
        answer = await http.post(network.url, content=b"x" * 3_000_000)
        assert answer.status_code == 413


async def test_the_origin_is_spoken_to_in_http_1_0(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, Http10()) as network:
        answer = await http.post(network.url, content=pieces(b"one", b"two"))
        assert answer.text == "onetwo"
        assert answer.http_version == "HTTP/1.1"
        seen = origin.seen[0]
        assert seen.line == "POST / HTTP/1.0"
        assert seen.header("connection") == "close"
        assert seen.header("transfer-encoding") is None
        # An answer of no length ends with the connection there, and is chunked here.
        answer = await http.get(f"{network.url}/chunks/5000")
        assert answer.content == b"x" * 5000
        assert answer.headers["transfer-encoding"] == "chunked"


async def test_rules_compose(origin: Origin, http: httpx.AsyncClient) -> None:
    rules = (RefuseBodies(over=10), BufferRequests(), BufferResponses(), RefuseBodies(over=5))
    async with Network(origin.port, *rules) as network:
        assert (await http.post(network.url, content=pieces(b"abc"))).text == "abc"
        assert (await http.post(network.url, content=b"abcdef")).status_code == 413
        assert (await http.post(network.url, content=pieces(b"abc", b"def"))).status_code == 413
        assert len(origin.seen) == 1
