"""Test your application behind restrictive networks, with the fixture `byway_network`.

The fixture comes with byway; you need to configure nothing. Here the application is the chat of
`starlette_chat.py`, under a real uvicorn.

Try it: pytest examples/test_behind_a_proxy.py
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

import byway
from byway.testing import CutResponses, RefuseUpgrade
from examples.starlette_chat import app
from pytest_byway import NetworkFactory


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the application, and return its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("profile", ["open", "refuse-403", "nginx-plain", "antivirus"])
def test_the_chat_works_behind(profile: str, port: int, byway_network: NetworkFactory) -> None:
    """A named network."""
    network = byway_network(port, profile)

    async def chat() -> None:
        async with byway.connect(f"{network.url}/chat/ann", proxy=None) as ann:
            assert await ann.receive() == "welcome, ann"
            await ann.send("hello")
            assert await ann.receive() == "ann: hello"

    asyncio.run(chat())


def test_nothing_is_lost_when_connections_are(port: int, byway_network: NetworkFactory) -> None:
    """Rules of your choice, a network that changes, and connections that are killed."""
    network = byway_network(port, RefuseUpgrade(403), CutResponses(bytes=500))

    async def chat() -> None:
        async with byway.connect(f"{network.url}/chat/ann", proxy=None) as ann:
            assert await ann.receive() == "welcome, ann"
            for number in range(100):
                await ann.send(f"line {number}")
                if number == 50:
                    network.kill_connections()
                    network.profile("open")
                assert await ann.receive() == f"ann: line {number}"

    asyncio.run(chat())
    assert network.counters.cut > 0
    assert network.counters.killed > 0
