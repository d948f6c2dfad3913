"""`byway sessions` asks real servers, and says what is wrong where it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import byway
from tests.support.servers import Server, uvicorn
from tests.support.several import workers

COMMAND = [sys.executable, "-m", "byway", "sessions"]
APP = "tests.apps.metrics_app:app"


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **env},
    )


async def listed(*arguments: str, **env: str) -> list[dict[str, Any]]:
    """Return what --json lists of all processes."""
    done = await asyncio.to_thread(run, "--json", *arguments, **env)
    assert done.stderr == ""
    return [one for place in json.loads(done.stdout)["places"] for one in place["processes"]]


@contextmanager
def two(place: str) -> Iterator[tuple[Server, Server]]:
    """Serve with two servers that meet at a place."""
    env = {"BYWAY_BACKPLANE": place}
    with uvicorn(APP, env=env) as one, uvicorn(APP, env=env) as other:
        yield one, other


async def opened(stack: AsyncExitStack, server: Server, transport: str) -> byway.Channel:
    """Open a session that has echoed a message; it is closed with the stack."""
    channel = await stack.enter_async_context(
        byway.connect(server.url("/"), transports=[transport], memory=False)
    )
    await channel.send("hello")
    await channel.receive()
    return channel


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the command, and do not wait for it."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True)


def children(pid: int) -> set[int]:
    """Return the children of a process, from Linux's /proc."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(one) for one in found.split()}


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/place"


async def test_the_workers_of_a_server_are_found_by_themselves() -> None:
    with workers(APP, count=2) as server:
        async with AsyncExitStack() as stack:
            await opened(stack, server, "websocket")
            pids = children(server.program.pid)
            found = [one for one in await listed() if one.get("pid") in pids]
    # A worker joins with its first call: the other may have had none.
    assert sum(one["sessions"] for one in found) == 1
    (owner,) = [one for one in found if one["sessions"]]
    assert owner["carriers"] == {"websocket": 1}
    assert owner["messages"] == {"in": 1, "out": 1}
    assert owner["bytes"] == {"in": 5, "out": 5}


async def test_servers_that_name_a_directory_are_asked_each(place: str) -> None:
    with two(place) as servers:
        async with AsyncExitStack() as stack:
            for one in servers:
                await opened(stack, one, "stream")
            await opened(stack, servers[0], "websocket")
            found = await listed(place)
            table = (await asyncio.to_thread(run, place)).stdout.splitlines()
            by_environment = await listed(BYWAY_BACKPLANE=place)
    assert {one["pid"]: one["sessions"] for one in found} == {
        servers[0].program.pid: 2,
        servers[1].program.pid: 1,
    }
    assert {one["process"] for one in by_environment} == {one["process"] for one in found}
    assert table[0] == place
    assert table[1].split()[:4] == ["process", "host", "pid", "age"]
    assert {line.split()[0] for line in table[2:4]} == {one["process"] for one in found}
    assert table[4] == "3 sessions in 2 processes"


async def test_a_session_is_described_by_the_name_that_the_log_gives_it(place: str) -> None:
    with two(place) as servers:
        async with AsyncExitStack() as stack:
            await opened(stack, servers[1], "sse")
            name = servers[1].log.wait(r"session ([0-9a-f]{8}) opened")[1]
            found = await listed(place, "--session", name)
            shown = await asyncio.to_thread(run, place, "--session", name[:5].upper())
        gone = await asyncio.to_thread(run, place, "--session", name)
    (described,) = [one for process in found for one in process["found"]]
    assert described["session"] == name
    assert described["transport"] == "sse"
    assert described["state"] == "open"
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[2].startswith(name)
    assert gone.returncode == 1
    assert f"no process that responded has a session {name}" in gone.stdout


async def test_a_process_that_does_not_respond_is_named_and_the_others_are_shown(
    place: str,
) -> None:
    with two(place) as servers:
        async with AsyncExitStack() as stack:
            for one in servers:
                await opened(stack, one, "websocket")
            stopped = servers[0].program.pid
            os.kill(stopped, signal.SIGSTOP)
            stack.callback(os.kill, stopped, signal.SIGCONT)
            done = await asyncio.to_thread(run, place, "--timeout", "0.5")
            interrupted = start(place, "--timeout", "60")
            # Started later it takes longer: the other has heard who responds by then.
            await asyncio.to_thread(run, place, "--timeout", "2")
            interrupted.send_signal(signal.SIGINT)
            out, error = await asyncio.to_thread(interrupted.communicate, None, 20)
    assert done.returncode == 1
    assert "did not respond: no response within 0.5 s" in done.stdout
    assert str(servers[1].program.pid) in done.stdout
    assert interrupted.returncode == 130
    assert error == "\nbyway: interrupted\n"
    assert str(servers[1].program.pid) in out, "what was found so far is shown"


async def test_watching_goes_on_until_it_is_interrupted(place: str) -> None:
    with two(place) as servers:
        async with AsyncExitStack() as stack:
            await opened(stack, servers[0], "websocket")
            process = stack.enter_context(start(place, "--watch", "--json"))
            assert process.stdout is not None
            first = json.loads(await asyncio.to_thread(process.stdout.readline))
            await opened(stack, servers[1], "websocket")
            second = json.loads(await asyncio.to_thread(process.stdout.readline))
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 20) == 0
    counts = [
        sum(one["sessions"] for place in look["places"] for one in place["processes"])
        for look in (first, second)
    ]
    assert counts == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["unix:/nonexistent/place"], "cannot be read"),
        (["unix:"], "backplane must be unix:DIR, redis://"),
        (["http://example.org"], "backplane must be unix:DIR, redis://"),
        (["--session", "xyz"], "'xyz' is not a session name"),
        (["--session", "../.."], "is not a session name"),
        (["--timeout", "0"], "is not a number of seconds"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_where_nobody_is_says_so_and_is_left_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    done = run(f"unix:{place}")
    assert done.returncode == 1
    assert done.stderr == ""
    assert list(place.iterdir()) == []


def test_the_password_of_a_url_is_not_shown() -> None:
    done = run("redis://chat:verysecret@127.0.0.1:1/0")
    assert done.returncode != 0
    assert "verysecret" not in done.stdout + done.stderr


def test_another_users_place_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory another user's")
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    os.chown(place, 65534, 65534)
    done = run(f"unix:{place}")
    assert done.returncode == 2
    assert "is another user's" in done.stderr
