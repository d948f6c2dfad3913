"""Byway as `pip install byway uvicorn` brings it: its wheel, no extra, no framework."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.environments import LIMIT, python_of, uv
from tests.support.peers import TRANSPORTS, connect
from tests.support.process import ROOT
from tests.support.servers import Server, uvicorn

pytestmark = pytest.mark.timeout(LIMIT)

CLIENT = """
import asyncio, json, sys
import byway

async def main():
    answers = []
    for transport in sys.argv[2:]:
        async with byway.connect(sys.argv[1], transports=[transport]) as channel:
            await channel.send("hello")
            answers.append([channel.transport, await channel.receive()])
    print(json.dumps(answers))

asyncio.run(main())
"""

SEARCHES = """
import asyncio, json, sys
import byway

class Noting:
    def __init__(self):
        self.names = []
    def find_spec(self, name, path=None, target=None):
        self.names.append(name)

async def main():
    noting = Noting()
    async with byway.connect(sys.argv[1], transports=["poll"]) as channel:
        for number in range(4):
            if number == 1:
                sys.meta_path.insert(0, noting)
            await channel.send("hello")
            await channel.receive()
        sys.meta_path.remove(noting)
        print(json.dumps([channel.report().http_library, noting.names]))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the environment's Python, in which there is the wheel of the checkout as it is now."""
    python = python_of("bare")
    folder = tmp_path_factory.mktemp("wheel")
    build = [str(uv()), "build", "--quiet", "--out-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    install = [str(uv()), "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--no-deps", "--reinstall", str(wheel)], check=True)
    return python


@pytest.fixture(scope="module")
def server(bare: Path) -> Iterator[Server]:
    """Serve a plain application there."""
    folder = str(Path(__file__).parent)
    with uvicorn("plain_app:app", "--app-dir", folder, python=bare) as server:
        yield server
    server.assert_quiet()


def test_there_is_nothing_of_an_extra(bare: Path) -> None:
    """What is here for one of them would hide that byway needs it."""
    done = subprocess.run(
        [uv(), "pip", "list", "--quiet", "--format=json", "--python", bare],
        check=True,
        stdout=subprocess.PIPE,
    )
    names = {one["name"].lower() for one in json.loads(done.stdout)}
    assert names >= {"byway", "uvicorn", "websockets", "httpx", "sniffio"}
    assert not names & {
        "bareasgi",
        "redis",
        "prometheus-client",
        "python-socks",
        "h2",
        "httpx2",
        "httptools",
    }


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_plain_application_is_served(server: Server, transport: str) -> None:
    async with connect(server.url(), transport) as channel:
        assert channel.transport == transport
        for message in ("hello", "", b"\x00\xff", b"", "x" * 200_000):
            await channel.send(message)
            assert await channel.receive() == message


def test_its_own_client_needs_no_more(server: Server, bare: Path) -> None:
    done = subprocess.run(
        [bare, "-c", CLIENT, server.url(), *TRANSPORTS],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert json.loads(done.stdout) == [[one, "hello"] for one in TRANSPORTS]


def test_no_request_searches_for_a_module(server: Server, bare: Path) -> None:
    """httpcore does so four times a request where sniffio is missing."""
    done = subprocess.run(
        [bare, "-c", SEARCHES, server.url()], check=True, stdout=subprocess.PIPE, text=True
    )
    library, searched = json.loads(done.stdout)
    assert library.startswith("httpx ")
    assert searched == []


def test_other_requests_reach_the_application(server: Server) -> None:
    assert httpx.get(server.url()).text == "hello"


def test_the_demo_says_what_it_needs(bare: Path) -> None:
    done = subprocess.run(
        [bare.with_name("byway"), "demo"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert "pip install 'byway[demo]'" in done.stdout
    assert "bareasgi" in done.stdout
    assert "Traceback" not in done.stdout
    assert done.returncode == 2
