"""Redis is taken away from four servers, and comes back with or without its data."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest

from byway.keys import new_key
from tests.several.crowd import crowd
from tests.support.peers import connect, exchange
from tests.support.redis import RedisServer, redis_server
from tests.support.several import COUNT, Several, servers
from tests.support.wire import PROTOCOL_HEADERS, hello_frame, raw_exchange

AWAY = 6.0
"""Seconds without Redis: three times as long as openings wait for it."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis of these tests' own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def four(redis: RedisServer) -> Iterator[Several]:
    """Serve `several_app` in four processes that share sessions through it."""
    environment = {"BYWAY_BACKPLANE": redis.url()}
    with servers("tests.apps.several_app:app", env=environment) as one:
        yield one


async def opened(several: Several, port: int) -> tuple[int, bytes]:
    """Open a session of a new key by a poll at one process; return status and head."""
    hello = hello_frame(session=new_key(), carrier=1, answer="poll", poll=1)
    lines = [f"POST /?seed={token_hex(4)} HTTP/1.1", f"host: 127.0.0.1:{port}"]
    lines += [f"content-length: {len(hello)}"]
    lines += [f"{name}: {value}" for name, value in PROTOCOL_HEADERS.items()]
    whole = "\r\n".join([*lines, "", ""]).encode() + hello
    status, headers, _ = await raw_exchange(port, whole, timeout=30)
    return status, str(headers).lower().encode()


def stop(redis: RedisServer) -> Callable[[], None]:
    """End it; it comes back empty."""
    redis.stop()
    return redis.start_empty


def pause(redis: RedisServer) -> Callable[[], None]:
    """Stop it without a word; it goes on with all it had, and with what was sent to it."""
    redis.pause()
    return redis.go_on


def restart(redis: RedisServer) -> Callable[[], None]:
    """End it; it comes back with what it had saved before the last sessions opened."""
    redis.stop()
    return redis.start


@pytest.mark.timeout(200)
@pytest.mark.parametrize("take_away", [stop, pause, restart])
async def test_sessions_go_on_and_openings_come_again(
    take_away: Callable[[RedisServer], Callable[[], None]], redis: RedisServer, four: Several
) -> None:
    """Nothing is lost; openings meanwhile are answered 503 and succeed by themselves later."""
    redis.save()
    async with crowd(four, seconds=15.0, timeout=120) as here:
        mark = four.log.mark()
        give_back = take_away(redis)
        loop = asyncio.get_running_loop()
        began = loop.time()
        refused = await asyncio.gather(*(opened(four, port) for port in four.ports))
        assert [status for status, _ in refused] == [503] * COUNT
        assert all(b"retry-after" in headers for _, headers in refused)
        coming = asyncio.ensure_future(_come(four))
        await asyncio.sleep(AWAY - (loop.time() - began))  # what is tested is this long an absence
        assert not coming.done()
        await asyncio.to_thread(give_back)
        async with asyncio.timeout(40):
            assert await coming == ["hello"]
        await here.complete()
    lines = four.log.since(mark)
    assert 1 <= sum("Redis does not respond (" in one for one in lines) <= COUNT
    assert 1 <= sum("is back, after" in one for one in lines) <= COUNT


@pytest.mark.timeout(200)
async def test_an_emptied_redis_costs_no_session(redis: RedisServer, four: Several) -> None:
    """Not for a moment away, so nothing fails; openings wait until all claims are there again."""
    async with crowd(four, seconds=15.0, timeout=120) as here:
        redis.empty()
        assert await _come(four) == ["hello"]
        redis.empty()
        await asyncio.sleep(1.0)  # in the midst of settling
        redis.empty()
        assert await _come(four) == ["hello"]
        await here.complete()
    assert not any(re.search("both go on", one) for one in four.log.lines)


async def _come(several: Several) -> list[str | bytes | None]:
    """Connect as a client does, and say something."""
    url = several.url(f"/?seed={token_hex(4)}")
    async with connect(url, open_timeout=60.0) as channel:
        return await exchange(channel, "hello")
