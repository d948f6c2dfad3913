"""The module in Node, where there is no page: Node 20 has no WebSocket, later ones have."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from byway.testing import Network
from tests.apps.counted_app import DONE
from tests.support.round_robin import round_robin
from tests.support.servers import Server, uvicorn

SCRIPT = Path(__file__).with_name("node.mjs")
COUNT = 400

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)


async def run(url: str, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the client to its end, which comes by itself, and return what it has to say."""
    arguments = [str(SCRIPT), url, str(COUNT), str(seconds), json.dumps(options)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", *arguments, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(40):
            out, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("node has not ended") from None
    assert process.returncode == 0, error.decode()
    told: dict[str, Any] = json.loads(out)
    return told


async def counted(url: str, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the client to the end that it is to have, and return what it counted."""
    told = await run(url, seconds, options)
    assert (told["code"], told["reason"]) == (DONE, f"{COUNT} up, 0 wrong"), told
    counts = {name: told[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), told
    return told


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_every_transport(server: Server, transport: str) -> None:
    url = server.url("", scheme="ws")
    told = await counted(url, 1.0, {"transports": [transport], "memory": False})
    assert told["moves"] == [transport]
    assert told["buffered"] == 0


@pytest.mark.parametrize(
    "profile",
    [
        "refuse-403-buffered",
        "cut-64k",
        "lossy-posts",
        "repeating-posts",
        "nginx-plain",
        "file-types",
    ],
)
async def test_a_restrictive_network(server: Server, profile: str) -> None:
    async with Network(server.port, profile) as network:
        await counted(network.ws_url, 1.0, {})


async def test_connections_that_are_cut(server: Server) -> None:
    async with Network(server.port) as network:

        async def cut() -> None:
            while True:
                await asyncio.sleep(0.7)
                network.kill_connections()

        cutting = asyncio.create_task(cut())
        try:
            told = await counted(network.ws_url, 4.0, {"memory": False})
        finally:
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
    assert len(told["moves"]) > 2


@pytest.mark.parametrize("transport", ["stream", "sse"])
async def test_behind_a_round_robin_nothing_is_lost(server: Server, transport: str) -> None:
    """Every second request reaches the other server. Polls would lose their carrier each time."""
    with (
        uvicorn("tests.apps.counted_app:app") as other,
        round_robin(server.port, other.port) as balancer,
    ):
        mark = server.log.mark()
        url = balancer.url(scheme="ws")
        await counted(url, 1.0, {"transports": [transport], "memory": False})
        lines = server.log.since(mark) + other.log.lines
        assert any("410 this session belongs to another process" in line for line in lines)


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_a_server_in_the_place_of_the_old_ends_the_session(transport: str) -> None:
    """Long before its window, and after some answers in a row."""
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(uvicorn("tests.apps.counted_app:app"))
        async with Network(first.port) as network:
            options = {"transports": [transport], "memory": False}
            running = asyncio.create_task(run(network.ws_url, 60.0, options))
            await network.until(lambda: network.counters.posts >= 4)  # it is open
            await asyncio.to_thread(first.program.kill)
            second = servers.enter_context(uvicorn("tests.apps.counted_app:app"))
            network.redirect(second.port)
            told = await running
        assert (told["code"], told["wasClean"]) == (1006, False)
        [found] = told["report"]["transports"]
        assert found["status"] == 410, found
        assert "belongs to another process" in found["why"]
        refused = [line for line in second.log.lines if "belongs to another process" in line]
        assert len(refused) >= 3
