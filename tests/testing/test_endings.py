"""Rules about ends: silence, cut answers, errors; and single POSTs."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from byway import UsageError
from byway.testing import (
    BufferResponses,
    CutResponses,
    CutSilence,
    DropPost,
    FailWith,
    LosePostAnswer,
    Network,
    RepeatPost,
    Request,
)
from tests.testing.clients import get, raw_client
from tests.testing.origin import Origin


async def test_a_silent_tunnel_is_cut_and_a_busy_one_is_not(origin: Origin) -> None:
    loop = asyncio.get_running_loop()
    async with Network(origin.port, CutSilence(0.3)) as network:
        async with raw_client(network.port) as client:
            await client.upgraded()
            start = loop.time()
            while loop.time() - start < 0.6:
                await client.send(b".")
                assert await client.exactly(1) == b"."
                await asyncio.sleep(0.05)  # a beat below the silence that is allowed
            quiet = loop.time()
            assert await client.rest() == (b"", "end")
            assert loop.time() - quiet >= 0.2
            assert network.counters.cut == 1
    await asyncio.wait_for(origin.seen[0].left.wait(), 10)


async def test_a_silent_answer_is_cut_in_the_middle(origin: Origin) -> None:
    async with Network(origin.port, CutSilence(0.2)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            await origin.pieces.put(b"begun")
            await client.head()
            assert await client.rest() == (b"5\r\nbegun\r\n", "end")


async def test_a_request_without_an_answer_is_a_504(origin: Origin) -> None:
    async with Network(origin.port, CutSilence(0.2)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/silent"))
            assert await client.status() == 504
            assert (network.counters.cut, network.counters.answered) == (1, 1)
        async with raw_client(network.port) as idle:
            assert await idle.rest() == (b"", "end")


async def test_silence_that_is_shortened_holds_for_open_connections(origin: Origin) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.upgraded()
        network.use(CutSilence(0.1))
        assert await client.rest() == (b"", "end")


@pytest.mark.parametrize("clean", [False, True])
async def test_a_busy_answer_is_cut_after_a_while(origin: Origin, clean: bool) -> None:
    rule = CutResponses(seconds=0.3, clean=clean)
    async with Network(origin.port, rule) as network, raw_client(network.port) as client:
        await client.send(get("/live"))
        feeding = asyncio.create_task(feed(origin))
        try:
            await client.head()
            data, how = await client.rest()
        finally:
            feeding.cancel()
        assert how == "end"
        assert data.count(b"1\r\n.\r\n") >= 2
        assert data.endswith(b"0\r\n\r\n") is clean
        assert network.counters.cut == 1
        await asyncio.wait_for(origin.seen[0].left.wait(), 10)


async def feed(origin: Origin) -> None:
    while True:
        await origin.pieces.put(b".")
        await asyncio.sleep(0.02)


async def test_an_answer_that_did_not_begin_in_time_is_a_504(origin: Origin) -> None:
    rules = (CutResponses(seconds=0.2), BufferResponses())
    async with Network(origin.port, *rules) as network:
        for path in ("/silent", "/live"):
            await origin.pieces.put(b"held")
            async with raw_client(network.port) as client:
                await client.send(get(path))
                assert await client.status() == 504


async def test_an_answer_in_time_is_not_touched_and_tunnels_are_not_answers(
    origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, CutResponses(seconds=0.1, bytes=5)) as network:
        assert (await http.get(network.url)).text == "hello"
        async with raw_client(network.port) as client:
            await client.upgraded()
            loop = asyncio.get_running_loop()
            start = loop.time()
            while loop.time() - start < 0.2:
                await client.send(b"over five bytes")
                assert await client.exactly(15) == b"over five bytes"


async def test_an_answer_is_cut_after_so_many_bytes(origin: Origin) -> None:
    async with Network(origin.port, CutResponses(bytes=1000)) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/size/1000"))
            await client.head()
            assert await client.exactly(1000) == b"x" * 1000  # and the connection goes on
            await client.send(get("/size/1001"))
            assert "Content-Length: 1001" in await client.head()
            assert await client.rest() == (b"x" * 1000, "end")
        async with raw_client(network.port) as client:
            await client.send(get("/chunks/5000"))
            await client.head()
            data, _ = await client.rest()
            assert data == b"3e8\r\n" + b"x" * 1000 + b"\r\n"
        network.use(CutResponses(bytes=1000, clean=True))
        async with raw_client(network.port) as client:
            await client.send(get("/chunks/5000"))
            await client.head()
            data, _ = await client.rest()
            assert data == b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n"
        async with raw_client(network.port) as client:
            await client.send(get("/size/5000"))
            await client.head()
            assert await client.rest() == (b"x" * 1000, "end")  # a length allows no clean end


async def test_requests_fail_by_path_and_method(origin: Origin, http: httpx.AsyncClient) -> None:
    rules = (FailWith(403, paths=("/admin/*",)), FailWith(405, methods=("PUT", "DELETE")))
    async with Network(origin.port, *rules) as network:
        assert (await http.get(f"{network.url}/admin/x?y")).status_code == 403
        assert (await http.put(network.url)).status_code == 405
        assert (await http.get(f"{network.url}/other")).status_code == 200
        network.use(FailWith())
        assert (await http.get(network.url)).status_code == 502
        assert (await http.head(network.url)).status_code == 502


async def test_the_first_requests_fail_and_say_when_to_come_back(
    origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, FailWith(503, first=2, retry_after=7)) as network:
        for wait in ("7", "7", None):
            got = await http.get(network.url)
            assert got.headers.get("retry-after") == wait
            assert got.status_code == (503 if wait else 200)
        network.use(FailWith(503, first=1))
        assert (await http.get(network.url)).status_code == 503
        assert (await http.get(network.url)).status_code == 200
    with pytest.raises(UsageError):
        FailWith(first=-1)


async def test_every_third_post_is_dropped(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, DropPost(nth=3)) as network:
        got: list[str] = []
        for number in range(6):
            await http.get(network.url)
            try:
                got.append((await http.post(network.url, content=str(number))).text)
            except httpx.NetworkError:
                got.append("lost")
        assert got == ["0", "1", "lost", "3", "4", "lost"]
        assert network.counters.dropped == 2
        assert [bytes(one.body) for one in origin.seen if one.body] == [b"0", b"1", b"3", b"4"]


async def test_an_answer_is_lost_though_the_post_was_done(
    origin: Origin, http: httpx.AsyncClient
) -> None:
    async with Network(origin.port, LosePostAnswer()) as network:
        with pytest.raises(httpx.NetworkError):
            await http.post(network.url, content=b"once")
        assert (await http.get(network.url)).status_code == 200
        assert network.counters.lost == 1
    assert origin.seen[0].body == b"once"


async def test_a_post_is_repeated(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, RepeatPost(nth=2)) as network:
        for body in (b"first", b"second"):
            assert (await http.post(network.url, content=body)).content == body
        assert [bytes(one.body) for one in origin.seen] == [b"first", b"second", b"second"]
        assert origin.seen[1].head == origin.seen[2].head
        assert network.counters.repeated == 1


async def test_who_leaves_a_repeated_post_leaves_the_origin_too(origin: Origin) -> None:
    async with Network(origin.port, RepeatPost()) as network:
        async with raw_client(network.port) as client:
            await client.send(b"POST /silent HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
            await (await origin.request()).whole.wait()
        await asyncio.wait_for(origin.seen[0].left.wait(), 10)


def test_chances_are_the_same_in_every_run_and_differ_between_rules() -> None:
    requests = [Request("POST", "/", of_method=number) for number in range(1, 1001)]

    def chosen(rule: DropPost | LosePostAnswer) -> list[int]:
        return [one.of_method for one in requests if rule.chooses(one)]

    drops = chosen(DropPost(probability=0.1))
    assert drops == chosen(DropPost(probability=0.1))
    assert 70 < len(drops) < 130
    assert drops != chosen(DropPost(probability=0.1, seed=1))
    assert drops != chosen(LosePostAnswer(probability=0.1))
    assert chosen(DropPost(probability=0.0)) == []
    assert len(chosen(DropPost(probability=1.0))) == 1000


def test_wrong_arguments_are_refused() -> None:
    for wrong in (lambda: CutResponses(), lambda: DropPost(nth=0), lambda: DropPost(probability=2)):
        with pytest.raises(UsageError):
            wrong()
