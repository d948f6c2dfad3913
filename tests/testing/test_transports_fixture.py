"""`byway_transports` as a stranger uses it: in a project of its own, with each plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from byway.negotiation.offer import Offer
from pytest_byway import TRANSPORTS

APP = """
from byway import Endpoint, FallbackMiddleware

async def echo(channel):
    await channel.accept()
    async for message in channel:
        if message == "boom":
            raise ValueError("what the application raised")
        await channel.send(message)

app = FallbackMiddleware(Endpoint(echo))
"""

WITH_ASYNCIO = """
import pytest, pytest_asyncio
from app import app

@pytest_asyncio.fixture
async def server(byway_transports):
    async with byway_transports(app) as server:
        yield server

@pytest.mark.asyncio
async def test_echo(server, byway_transports):
    async with server.connect("/") as channel:
        await channel.send("hello")
        assert await channel.receive() == "hello"
        print("over", channel.transport, byway_transports.network)

@pytest.mark.asyncio
async def test_that_leaves_a_channel_open(server):
    channel = await server.connect("/").__aenter__()
    await channel.send("hello")
"""

WITH_ANYIO = """
import pytest
from app import app

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def server(byway_transports):
    async with byway_transports(app) as server:
        yield server

async def test_echo(server):
    async with server.connect("/") as channel:
        await channel.send("hello")
        assert await channel.receive() == "hello"
"""

PLAIN = """
import asyncio
import pytest
from app import app

def test_echo(byway_transports):
    async def main():
        async with byway_transports(app) as server, server.connect("/") as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
    asyncio.run(main())

@pytest.mark.parametrize("word", ["a"])
@pytest.mark.parametrize("byway_transports", ["poll", "sse"], indirect=True)
def test_some(byway_transports, word):
    assert byway_transports.transport in ("poll", "sse")

def test_that_fails(byway_transports):
    async def main():
        async with byway_transports(app) as server, server.connect("/") as channel:
            await channel.send("boom")
            assert await channel.receive() == "hello"
    asyncio.run(main())
"""


ASYNCIO = ("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")


def run(folder: Path, test: str, *arguments: str) -> tuple[int, str]:
    """Run pytest over a small project; return its status and what it printed."""
    (folder / "app.py").write_text(APP)
    (folder / "test_app.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-v", "-s", "-W", "error"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist", *arguments, "test_app.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_knows_the_transports() -> None:
    assert set(TRANSPORTS) == set(Offer(None).names)


def test_with_pytest_asyncio_in_its_strict_mode(tmp_path: Path) -> None:
    status, said = run(tmp_path, WITH_ASYNCIO, *ASYNCIO)
    assert status == 0, said
    assert "8 passed" in said
    for name in TRANSPORTS:
        assert f"test_echo[{name}]" in said
        assert f"over {name} None" in said


def test_with_anyio(tmp_path: Path) -> None:
    status, said = run(tmp_path, WITH_ANYIO, "-p", "no:asyncio")
    assert status == 0, said
    assert "4 passed" in said


def test_with_neither_and_a_test_that_fails_shows_the_application(tmp_path: Path) -> None:
    status, said = run(tmp_path, PLAIN, "-p", "no:asyncio", "-p", "no:anyio")
    assert status == 1, said
    assert "4 failed, 6 passed" in said
    assert 'raise ValueError("what the application raised")' in said
    assert "test_some[sse-a]" in said


def test_in_networks(tmp_path: Path) -> None:
    options = ("--byway-network=refuse-403,open", "--byway-network", "open")
    status, said = run(tmp_path, WITH_ASYNCIO, *ASYNCIO, *options, "-k", "test_echo")
    assert status == 0, said
    assert "2 passed" in said
    assert "over stream refuse-403" in said
    assert "over websocket open" in said


@pytest.mark.parametrize("given", ["all", "of-no-name"])
def test_every_network_and_none_that_is_not_known(given: str, tmp_path: Path) -> None:
    option = f"--byway-network={given}"
    status, said = run(tmp_path, WITH_ASYNCIO, *ASYNCIO, option, "--collect-only")
    if given == "all":
        assert status == 0, said
        assert "test_echo[black-hole-buffered]" in said
    else:
        assert status != 0
        assert "--byway-network=of-no-name: no such profile; there are: all, open" in said


def test_trio_is_told_what_to_do(tmp_path: Path) -> None:
    code = (
        "from byway.testing import InProcessServer; from app import app\n"
        "async def main():\n    async with InProcessServer(app): pass\n"
        "try:\n    main().send(None)\nexcept Exception as error:\n    print(error)"
    )
    (tmp_path / "app.py").write_text(APP)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "let the fixture anyio_backend return 'asyncio'" in done.stdout
