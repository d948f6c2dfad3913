"""Real servers that stop, each in its own way: all clients are told 1012, and the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

import byway
import byway.server
from byway.testing import Network
from tests.support import asgi_servers
from tests.support.peers import connect, exchange
from tests.support.process import Program, free_port, running, wait_until_accepting
from tests.support.servers import Server, uvicorn
from tests.support.worker_servers import ALL, serving

APP = "tests.apps.endpoint_app:app"

EVERY = ("websocket", "stream", "sse", "poll")
ENDLESS = ("stream", "sse")
"""Responses without an end, over which a client is told even where nothing else can reach it."""

Codes = list[tuple[str, int | None]]


@dataclass
class Clients:
    """Clients that wait for the end."""

    transports: tuple[str, ...]
    ended: list[asyncio.Task[tuple[str, int | None]]]

    async def told(self) -> Codes:
        """Return what each was told, once all were."""
        async with asyncio.timeout(25):
            return await asyncio.gather(*self.ended)

    @property
    def all_1012(self) -> Codes:
        """What is to be told."""
        return [(one, 1012) for one in self.transports]


@contextlib.asynccontextmanager
async def clients(url: str, transports: tuple[str, ...]) -> AsyncIterator[Clients]:
    """Connect, and talk."""
    ready = asyncio.Barrier(len(transports) + 1)

    async def client(transport: str) -> tuple[str, int | None]:
        async with connect(url, transport, memory=False) as channel:
            assert await exchange(channel, "hello") == ["hello"]
            await ready.wait()
            assert await channel.receive() is None
            return transport, channel.code

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(client(one)) for one in transports]
        await ready.wait()
        yield Clients(transports, tasks)


async def check(server: Server, transports: tuple[str, ...]) -> None:
    """Stop a server in the midst of sessions."""
    async with clients(server.url("/echo"), 3 * transports) as all_of_them:
        server.program.terminate()
        assert await all_of_them.told() == all_of_them.all_1012
    await asyncio.to_thread(server.program.wait, 15)


@pytest.mark.parametrize(
    ("name", "count", "options"),
    [
        ("granian-asgi", 1, ("--loop", "uvloop")),
        ("granian-asgi", 2, ("--loop", "asyncio")),
        ("granian-asginl", 1, ()),
        ("hypercorn", 0, ()),
        ("hypercorn", 2, ()),
        ("anycorn", 0, ()),
        ("anycorn", 1, ()),
        ("gunicorn-asgi", 1, ()),
    ],
)
async def test_clients_are_told_before_a_server_stops_on_sigterm(
    name: str, count: int, options: tuple[str, ...]
) -> None:
    """Granian, and the others with 0 workers, handle the signal in the event loop. The workers of
    Hypercorn and anycorn get none: they stop listening, so who is between two polls finds nobody,
    and cancel everything 3 s later."""
    deaf = count > 0 and name in ("hypercorn", "anycorn")
    with serving(ALL[name], APP, *options, count=count) as server:
        await check(server, ("websocket", *ENDLESS) if deaf else EVERY)


async def test_clients_of_daphne_are_told() -> None:
    """It has no lifespan, and Twisted reads signals, too."""
    with asgi_servers.serving(asgi_servers.ALL["daphne"], APP) as server:
        await check(server, EVERY)


async def test_clients_are_told_before_a_watched_server_shuts_down() -> None:
    await check_by_hand("watched", EVERY)


async def test_a_server_that_stops_listening_tells_clients() -> None:
    """WebSockets are cut before anybody can know; who is between two polls finds nobody."""
    await check_by_hand("alone", ENDLESS)


async def check_by_hand(how: str, transports: tuple[str, ...]) -> None:
    port = free_port()
    program = Program([sys.executable, "-m", "tests.apps.by_hand", how, str(port)])
    assert wait_until_accepting(program, port)
    with running(program):
        server = Server(program, port)
        async with clients(server.url("/echo"), 3 * transports) as all_of_them:
            async with httpx.AsyncClient(trust_env=False) as http:
                await http.get(server.url("/stop"), headers={"accept": "application/byway"})
            assert await all_of_them.told() == all_of_them.all_1012
        await asyncio.to_thread(program.wait, 15)
        server.assert_quiet()


@pytest.mark.parametrize("count", [1, 2])
async def test_a_server_that_has_served_its_requests_tells_clients(count: int) -> None:
    with serving(ALL["uvicorn"], APP, "--limit-max-requests", "100", count=count) as server:
        async with clients(server.url("/echo"), ENDLESS) as all_of_them:
            async with httpx.AsyncClient(trust_env=False) as http:
                while not all(one.done() for one in all_of_them.ended):
                    with contextlib.suppress(httpx.TransportError):
                        await http.get(server.url("/"), headers={"accept": "application/byway"})
            assert await all_of_them.told() == all_of_them.all_1012


def test_what_has_no_shutdown_cannot_be_watched() -> None:
    class Server:
        def shutdown(self) -> None:
            """Be no coroutine."""

    for one in (Server(), None, "main:app"):
        with pytest.raises(byway.UsageError, match="async def shutdown"):
            byway.server.watch(one)


async def test_a_client_whose_server_has_vanished_waits_no_longer_than_half_of_the_window() -> None:
    with uvicorn("tests.apps.endpoint_app:brief") as server:
        async with clients_of_vanished(server) as told:
            server.program.kill()
            assert await told == [(1006, "nothing listens at the server's address any more")] * 4


@contextlib.asynccontextmanager
async def clients_of_vanished(
    server: Server,
) -> AsyncIterator[asyncio.Future[list[tuple[int | None, str | None]]]]:
    ready = asyncio.Barrier(len(EVERY) + 1)

    async def client(transport: str) -> tuple[int | None, str | None]:
        async with connect(server.url("/echo"), transport, memory=False) as channel:
            assert await exchange(channel, "hello") == ["hello"]
            await ready.wait()
            assert await channel.receive() is None
            return channel.code, channel.reason

    async with asyncio.timeout(30):
        told = asyncio.gather(*(client(one) for one in EVERY))
        await ready.wait()
        yield told


async def test_a_balancer_that_is_restarted_ends_no_session() -> None:
    """For a while nobody listens where the client connects, and the session lives."""
    with uvicorn("tests.apps.endpoint_app:brief") as server:
        front = Network(server.port)
        async with front:
            port = front.port
            opened = [
                await connect(front.url + "/echo", one, memory=False).__aenter__() for one in EVERY
            ]
        await asyncio.sleep(1.5)  # for which every connection is refused
        async with asyncio.timeout(20), Network(server.port, port=port):
            for channel in opened:
                got = await exchange(channel, "still here")
                assert got == ["still here"], (channel.code, channel.reason)
                await channel.close()
