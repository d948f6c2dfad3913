"""`byway proxy`: what it says, how it ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys

import pytest

import byway
from byway import UsageError
from byway.cli import main
from byway.testing import PROFILES
from byway.testing.command import parse_listen
from tests.support.process import Program, running
from tests.support.servers import Server
from tests.testing.clients import UPGRADE, raw_client

COMMAND = [sys.executable, "-m", "byway", "proxy"]


def proxy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_it_lists_the_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proxy", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PROFILES)
    assert all(one.about in line for one, line in zip(PROFILES.values(), lines, strict=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_it_says_what_it_does_until_it_is_told_to_end(
    endpoint_server: Server, number: signal.Signals
) -> None:
    options = ["--profile", "refuse-403", "--origin", endpoint_server.url(""), "--verbose"]
    with running(Program([*COMMAND, "--listen", "127.0.0.1:0", *options])) as program:
        match = await program.log.seen(r"^http://127.0.0.1:(\d+) stands for")
        port = int(match[1])
        await program.log.seen("Ctrl-C ends it")
        assert "  RefuseUpgrade(status=403)" in program.log.lines
        async with raw_client(port) as client:
            await client.send(UPGRADE)
            assert await client.status() == 403
        await program.log.seen(r"^#1 GET /raw \(upgrade\): answered 403")
        async with byway.connect(f"http://127.0.0.1:{port}/echo", proxy=None) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            assert channel.transport == "stream"
        program.process.send_signal(number)
        assert await asyncio.to_thread(program.wait) == 0
        assert program.log.lines[-1].endswith(", 2 refused here, 0 dropped, 0 cut")
        assert not [line for line in program.log.lines if "Traceback" in line or "Error" in line]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "closed"], "unknown profile 'closed'"),
        (["--listen", "nowhere"], "is not an address to listen on"),
        (["--listen", "192.0.2.1:0"], "cannot listen on 192.0.2.1:0"),
        (["--origin", "localhost"], "is not an origin"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    done = proxy(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = proxy("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 2
    assert "cannot listen" in done.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("localhost:0", ("localhost", 0)),
        (":81", ("127.0.0.1", 81)),
        ("82", ("127.0.0.1", 82)),
        ("[::1]:83", ("::1", 83)),
    ],
)
def test_addresses_to_listen_on(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:99999", "::1:80", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_listen(text)
