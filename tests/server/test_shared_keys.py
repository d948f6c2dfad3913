"""Where processes share sessions, no key stands in what they share, nor in what they log."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server.intruder import known
from tests.server.test_secrets import DEBUG_CONFIG, seen
from tests.support.peers import connect, exchange
from tests.support.redis import RedisServer, redis_server
from tests.support.round_robin import round_robin
from tests.support.servers import uvicorn

APP = "tests.apps.shared_app:app"


def held(redis: RedisServer) -> list[str]:
    """Return all that stands in a Redis: its keys, and what they hold."""
    found: list[str] = []
    with redis.client() as client:
        for key in client.scan_iter():
            kind: Any = client.type(key)
            value = {
                b"string": client.get,
                b"hash": client.hgetall,
                b"zset": lambda one: client.zrange(one, 0, -1),
            }[kind](key)
            found += [key.decode(), str(value)]
    return found


def paths(directory: Path) -> list[str]:
    """Return all paths in a directory, and where links lead."""
    return [f"{one} {one.readlink() if one.is_symlink() else ''}" for one in directory.rglob("*")]


@pytest.mark.parametrize("place", ["unix", "redis"])
async def test_a_key_is_nowhere_that_processes_share(
    place: str, transport: str, tmp_path: Path
) -> None:
    """Over a balancer that leads every request to the next process; all of them log at DEBUG."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server()) if place == "redis" else None
        backplane = f"unix:{tmp_path}/meet" if redis is None else redis.url()
        options = ("--access-log", "--log-config", str(DEBUG_CONFIG))
        servers = [
            stack.enter_context(
                uvicorn(APP, *options, env={"BYWAY_BACKPLANE": backplane}, level="trace")
            )
            for _ in range(2)
        ]
        proxy = stack.enter_context(round_robin(*(one.port for one in servers)))
        async with connect(f"http://127.0.0.1:{proxy.port}/echo", transport) as channel:
            key = known(channel).key
            assert await exchange(channel, "one", "two") == ["one", "two"]
            shared = paths(tmp_path) if redis is None else held(redis)
        lines = [line for one in servers for line in one.log.lines]
    assert any("claims/" in one or ":s:" in one for one in shared), "else nothing is shown"
    assert lines
    assert not seen(key, shared)
    assert not seen(key, lines)
