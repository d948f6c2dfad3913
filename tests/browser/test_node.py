"""The module in Node, where there is no page: Node 20 has no WebSocket, later ones have."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from byway.testing import Network
from tests.apps.counted_app import DONE
from tests.support.servers import Server

SCRIPT = Path(__file__).with_name("node.mjs")
COUNT = 400

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)


async def counted(url: str, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the client to its end, which comes by itself, and return what it counted."""
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
    "profile", ["refuse-403-buffered", "cut-64k", "lossy-posts", "repeating-posts", "nginx-plain"]
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
