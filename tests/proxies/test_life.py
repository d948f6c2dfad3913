"""A proxy that is reloaded, an origin that is replaced, and bodies over a proxy's limit.

All clients go through it at the same time.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack

import pytest

from tests.proxies.clients import Client, Opener, Visit
from tests.proxies.together import all_of
from tests.proxies.variants import BY_NAME
from tests.proxies.world import Way, World

COUNT = 200
"""Messages each way."""

SECONDS = 4.0
"""Seconds over which they are spread: the old process lets go after one. The last ones are spread
over as long as the proxy takes to report that it has reloaded."""

RESTARTED = (None, "stream", "sse", "poll")
"""Over which transports sessions are when their server is killed. A page that may use nothing but
WebSockets is not told why the next is refused: its session ends with its window, 30 s later."""

SAME_PORT = {"uvicorn": "--port {}", "hypercorn": "--bind 127.0.0.1:{}"}
"""How an origin is told where another has been. Hypercorn listens at one more port then."""

LONG = 1_500_000
"""Bytes of a message: nginx takes 1 MB in a body, 64 KiB where `gzip` is, Traefik 1 MB."""

RELOADS = {
    "nginx/plain": (signal.SIGHUP, r"worker process \d+ exited"),
    "nginx/http2": (signal.SIGHUP, r"worker process \d+ exited"),
    "haproxy/tls": (signal.SIGUSR2, r"[Ff]ormer worker .*exited"),
    "haproxy/http2": (signal.SIGUSR2, r"[Ff]ormer worker .*exited"),
}
"""By which signal a program reloads, and what it says when its old process has ended."""


@pytest.fixture
async def clients(everyone: tuple[Opener, ...]) -> AsyncIterator[list[Client]]:
    """Start all clients."""
    async with all_of(everyone) as started:
        yield started
    gc.collect()  # here, where what httpcore has left is passed over


async def visits(clients: list[Client], way: Way, stack: AsyncExitStack) -> list[Visit]:
    """Let all clients go behind a proxy."""
    coming = (stack.enter_async_context(one.at(way)) for one in clients)
    return list(await asyncio.gather(*coming))


async def reloaded(world: World, clients: list[Client], name: str) -> None:
    """Reload a proxy of its own in the midst of sessions over each transport."""
    variant = BY_NAME[name]
    reload, ended = RELOADS[name]
    with ExitStack() as programs:
        way = world.new_way(variant, programs, world.origin(variant.origin))
        async with AsyncExitStack() as stack:
            here = await visits(clients, way, stack)
            starts = [asyncio.Event() for _ in here]
            reported = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                talking = [
                    group.create_task(
                        one.numbered((None, *one.works), COUNT, SECONDS, begun, reported)
                    )
                    for one, begun in zip(here, starts, strict=True)
                ]
                for begun in starts:
                    await begun.wait()
                way.proxy.program.process.send_signal(reload)
                await way.proxy.program.log.seen(ended, timeout=30)
                for client, one in zip(clients, talking, strict=True):
                    assert not one.done(), f"{client.name}: else nothing was tested"
                reported.set()


@pytest.mark.timeout(120)
async def test_a_reload_in_the_midst_of_sessions_loses_nothing(
    proxies: World, clients: list[Client]
) -> None:
    async with asyncio.TaskGroup() as group:
        for name in RELOADS:
            group.create_task(reloaded(proxies, clients, name))


async def replaced(world: World, clients: list[Client], name: str) -> None:
    """Kill the origin behind a proxy and start another at its port."""
    with ExitStack() as programs:
        variant = BY_NAME[name]
        origin = world.new_origin(variant.origin, programs)
        way = world.new_way(variant, programs, origin)
        async with AsyncExitStack() as stack:
            here = await visits(clients, way, stack)
            opened = [asyncio.Event() for _ in here]
            async with asyncio.TaskGroup() as group:
                ending = [
                    group.create_task(one.ends(RESTARTED, event))
                    for one, event in zip(here, opened, strict=True)
                ]
                for event in opened:
                    await event.wait()
                await asyncio.to_thread(origin.program.kill)
                again = SAME_PORT[variant.origin].format(origin.port).split()
                await asyncio.to_thread(world.new_origin, variant.origin, programs, *again)
            for client, task in zip(clients, ending, strict=True):
                for transport, (code, why) in task.result().items():
                    told = f"{name} {client.name} {transport}: {code} {why}"
                    assert code == 1006, told
                    assert "410" in why, told


@pytest.mark.timeout(90)
async def test_a_new_server_in_the_place_of_the_old_is_a_clear_end(
    proxies: World, clients: list[Client]
) -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("nginx/plain", "haproxy/tls", "haproxy/http2", "caddy/tls"):
            group.create_task(replaced(proxies, clients, name))


@pytest.mark.timeout(90)
async def test_messages_beyond_what_a_proxy_takes_at_once(
    proxies: World, clients: list[Client]
) -> None:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for name in ("nginx/plain", "nginx/gzip", "traefik/buffering", "haproxy/tls"):
            for visit in await visits(clients, proxies.way(BY_NAME[name]), stack):
                for transport in visit.works:
                    group.create_task(visit.long_message(transport, LONG))
