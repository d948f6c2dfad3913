"""A VPN switches: the way to the server begins at another address, and the old one is dead.

Real routes, in network namespaces. No connection is closed by the switch: what goes to the client's
first address is lost without a word.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.support.namespaces import Namespace, join, namespace
from tests.support.process import Program, running
from tests.support.servers import LOG_CONFIG

PORT = 8000

RECOVERED = 4.0
"""Seconds within which an echo comes back, whichever transports are allowed."""

ALLOWED = ("websocket", "stream", "sse", "poll", "websocket, stream, sse, poll")


@dataclass
class Family:
    """How the namespaces are addressed.

    Attributes:
        server: the server, which both networks lead to.
        own: the client's address in each network.
        gates: the way to the server in each.
        bits: the length of a network's prefix.
    """

    option: str
    server: str
    own: tuple[str, str]
    gates: tuple[str, str]
    bits: int


FAMILIES = {
    4: Family("-4", "10.9.9.9", ("10.0.1.2", "10.0.2.2"), ("10.0.1.1", "10.0.2.1"), 24),
    6: Family("-6", "fd09::9", ("fd01::2", "fd02::2"), ("fd01::1", "fd02::1"), 64),
}


@contextmanager
def networks(family: Family) -> Iterator[tuple[Namespace, Namespace]]:
    """Give a client two networks that lead to a server; the default route is by the first."""
    with namespace() as here, namespace() as there:
        nodad = "nodad" if family.option == "-6" else ""
        there.ip(f"addr add {family.server} dev lo {nodad}")
        for number in range(2):
            join(here, f"out{number}", there, f"in{number}")
            here.ip(f"addr add {family.own[number]}/{family.bits} dev out{number} {nodad}")
            there.ip(f"addr add {family.gates[number]}/{family.bits} dev in{number} {nodad}")
        here.ip(f"{family.option} route add default via {family.gates[0]} dev out0")
        yield here, there


def served(there: Namespace, host: str) -> Program:
    """Start a server on an address."""
    command = [sys.executable, "-m", "uvicorn", "tests.apps.endpoint_app:app", "--host", host]
    return there.start(*command, "--port", str(PORT), "--log-config", LOG_CONFIG)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("kind", ["the default route", "the route to the server alone"])
@pytest.mark.parametrize("number", FAMILIES)
async def test_after_a_switch_a_session_goes_on_within_four_seconds(number: int, kind: str) -> None:
    family = FAMILIES[number]
    host = f"[{family.server}]" if number == 6 else family.server
    with networks(family) as (here, there), ExitStack() as stack:
        server = stack.enter_context(running(served(there, family.server)))
        await server.log.seen("Uvicorn running", timeout=30)
        url = f"http://{host}:{PORT}/echo"
        talk = [sys.executable, "-m", "tests.support.roamer", url]
        clients = {
            allowed: stack.enter_context(running(here.start(*talk, allowed))) for allowed in ALLOWED
        }
        for client in clients.values():
            await client.log.seen("^ready", timeout=30)
        marks = {allowed: client.log.mark() for allowed, client in clients.items()}

        there.black_hole(family.own[0], "in0")
        to = "default" if kind == "the default route" else family.server
        switch = f"via {family.gates[1]} dev out1"
        here.ip(f"{family.option} route replace {to} {switch}")

        async def gap(allowed: str) -> float:
            """Return the longest gap until so many echoes have come that some came anew."""
            log, mark = clients[allowed].log, marks[allowed]
            await log.seen("^on", since=mark, timeout=30)
            await log.seen("^on", since=mark + 1 + log.since(mark).index("on"), timeout=30)
            late = [one.split() for one in log.since(mark)]
            return max((float(one[1]) for one in late if one[0] == "gap"), default=0.0)

        gaps = dict(zip(ALLOWED, await asyncio.gather(*map(gap, ALLOWED)), strict=True))
        assert max(gaps.values()) < RECOVERED, gaps
        # The same transport goes on in the other network, of which the application hears nothing.
        told = {one: clients[one].log.since(marks[one]) for one in ALLOWED if "," not in one}
        assert not any(line.startswith("over") for lines in told.values() for line in lines), told
