"""Workers of real servers find each other by themselves, and see who has ended."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers import Server
from tests.support.worker_servers import ALL, Workers, serving, until_ready

APP = "tests.apps.meeting_app:app"
COUNT = 4


def ask(server: Server, query: str = "") -> dict[str, Any]:
    """Ask one worker, whichever takes the connection."""
    reply = httpx.get(server.url(f"/?{query}"), timeout=10, trust_env=False)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def until_met(server: Server, count: int = COUNT, without: str = "") -> list[str]:
    """Ask until as many workers live at the place; return their names."""
    deadline = time.monotonic() + 30
    while True:
        said = ask(server)
        assert not said["alone"]
        names = [one for one in said["processes"] if one != without]
        if len(names) == count:
            return names
        assert time.monotonic() < deadline, f"only these have met: {names}"
        time.sleep(0.05)


def asked_of(server: Server, others: int, query: str) -> Iterator[dict[str, Any]]:
    """Ask until as many different workers have responded; each once."""
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    while len(seen) < others:
        said = ask(server, query)
        if said["name"] not in seen:
            seen.add(said["name"])
            yield said
        assert time.monotonic() < deadline, f"only these have responded: {seen}"


@pytest.fixture(params=ALL)
def kind(request: pytest.FixtureRequest) -> Workers:
    """Give each server that starts workers."""
    return ALL[request.param]


def test_workers_meet_and_a_killed_one_is_gone(kind: Workers) -> None:
    """Nothing is configured. Claims are everybody's, calls reach whom they are for; one that is
    killed is gone at once, though a child that it forked goes on, and the next one joins."""
    with serving(kind, APP, env={"TEST_POOL": "yes"}) as server:
        if not kind.lifespan:
            list(asked_of(server, 2, ""))  # the first request starts it
        first = ask(server, "claim=key")
        names = until_met(server) if kind.lifespan else first["processes"]
        owner = first["claim"]
        places = set()
        for said in asked_of(server, 2, f"claim=key&call={owner}"):
            places.add(said["place"])
            assert said["claim"] == owner
            assert said["call"] == (said["name"] if said["name"] != owner else "Unreachable")
        [place] = places
        assert Path(place).stat().st_mode & 0o777 == 0o700
        assert owner in names

        victim = next(one for one in asked_of(server, 1, ""))
        os.kill(victim["pid"], signal.SIGKILL)
        if kind.restarts:
            said = until_gone(server, victim["name"])
            assert said["call"] == "Gone"
            assert victim["name"] not in said["processes"]
            until_ready(kind, server.program, COUNT + 1)
            if kind.lifespan:
                until_met(server)
            else:
                until_responds(server)
        else:
            server.program.wait()  # these end with their first worker
    if kind.lifespan and kind.restarts:  # then all have left in order
        left = {one.name.rpartition(".")[2] for one in Path(place).rglob("*")}
        assert left == {"claims", "lock"}


def until_responds(server: Server) -> None:
    """Ask until the newest worker of Granian has responded.

    It says "Started worker" before its event loop runs, and uvloop forgets a signal that comes
    before that (`findings/uvloop-forgets-a-signal-that-came-before-it-runs.sh`): it never stops.
    """
    lines = "\n".join(server.log.lines)
    newest = int(re.findall(r"Spawning worker-\d+ with PID: (\d+)", lines)[-1])
    deadline = time.monotonic() + 30
    while ask(server)["pid"] != newest:
        assert time.monotonic() < deadline, f"worker {newest} has not responded"


def until_gone(server: Server, name: str) -> dict[str, Any]:
    """Hand calls over to a worker that was killed, until another says what became of it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        said = reached(server, f"call={name}")
        if said is not None and said["name"] != name:
            return said
    raise AssertionError("no other worker responds")


def reached(server: Server, query: str) -> dict[str, Any] | None:
    """Ask one worker; None where the connection was one of the killed worker's."""
    try:
        return ask(server, query)
    except httpx.TransportError:
        return None
