"""Two servers behind HAProxy's sticky cookies, which also cuts each WebSocket after 3 s of silence.

A session lives on one of the two. Every request and handshake has to bring the cookie that says so,
or reaches the other, which does not know it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.proxies.programs import CONFIGS
from tests.support.peers import TRANSPORTS, connect, exchange
from tests.support.process import find_program
from tests.support.proxies import Proxy, started
from tests.support.servers import uvicorn

RUNS = 6

ASKED = re.compile(r" app/(s\d) .* (\d{3}) \d+ .* \"(?:GET|POST) /(\w+)\?run=(\S+) ")
"""A line of HAProxy's log: which server answered a request, with which status."""


@pytest.fixture(scope="module")
def balancer() -> Iterator[Proxy]:
    """Run HAProxy before two servers."""
    program = find_program("haproxy")
    with ExitStack() as stack:
        one, other = (stack.enter_context(uvicorn("tests.apps.endpoint_app:app")) for _ in range(2))

        def command(folder: Path, port: int) -> list[str]:
            values = {"port": port, "origin": one.port, "other": other.port}
            for name in ("base.cfg", "sticky.cfg"):
                text = (CONFIGS / "haproxy" / name).read_text()
                for key, value in values.items():
                    text = text.replace(f"@{key}@", str(value))
                (folder / name).write_text(text)
            return [program, "-W", "-f", f"{folder}/base.cfg", "-f", f"{folder}/sticky.cfg"]

        yield stack.enter_context(started(command))
        one.assert_quiet()
        other.assert_quiet()


async def live(balancer: Proxy, transport: str | None, run: str) -> None:
    """Let a session be cut by silence, and go on."""
    url = balancer.url(f"/echo?run={run}")
    async with connect(url, transport, memory=False) as channel:
        assert await exchange(channel, "before") == ["before"]
        if channel.transport == "websocket":
            # HAProxy logs a WebSocket when it has ended it.
            await balancer.program.log.seen(rf" 101 .*run={run} ", timeout=20)
        assert await exchange(channel, "after", b"two") == ["after", b"two"]
        assert channel.code is None
    assert channel.code == 1000


@pytest.mark.parametrize("transport", [None, *TRANSPORTS])
async def test_a_session_finds_its_server_again(balancer: Proxy, transport: str | None) -> None:
    mark = balancer.program.log.mark()
    names = [f"{transport}-{number}" for number in range(RUNS)]
    await asyncio.gather(*(live(balancer, transport, name) for name in names))
    await asyncio.gather(
        *(balancer.program.log.seen(rf"run={name} ", since=mark) for name in names)
    )
    servers: dict[str, set[str]] = {name: set() for name in names}
    for line in balancer.program.log.since(mark):
        if found := ASKED.search(line):
            servers[found[4]].add(found[1])
            assert found[2] in ("101", "200"), line
    assert all(len(one) == 1 for one in servers.values()), servers
    assert set().union(*servers.values()) == {"s1", "s2"}, "else nothing is shown"
