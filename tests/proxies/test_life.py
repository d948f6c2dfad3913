"""A proxy that is reloaded, an origin that is replaced, and bodies over a proxy's limit."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack

import pytest

import byway
from tests.proxies.variants import BY_NAME
from tests.proxies.world import World
from tests.support.numbered_client import NumberedSession

COUNT = 300
"""Messages each way."""

SECONDS = 5.0
"""Seconds over which they are spread: the old process lets go in the midst of them."""

RESTARTED = (None, "stream", "sse", "poll")
"""Over which transports sessions are when their server is killed."""

RELOADS = {
    "nginx/plain": (signal.SIGHUP, r"worker process \d+ exited"),
    "nginx/http2": (signal.SIGHUP, r"worker process \d+ exited"),
    "haproxy/tls": (signal.SIGUSR2, r"[Ff]ormer worker .*exited"),
    "haproxy/http2": (signal.SIGUSR2, r"[Ff]ormer worker .*exited"),
}
"""By which signal a program reloads, and what it says when its old process has ended."""


async def reloaded(world: World, name: str) -> None:
    """Reload a proxy of its own in the midst of sessions over each transport."""
    variant = BY_NAME[name]
    reload, ended = RELOADS[name]
    with ExitStack() as stack:
        way = world.new_way(variant, stack, world.origin(variant.origin))
        options = {**way.options(), "limits": None}
        sessions = [
            NumberedSession(f"reload {name} {one}", COUNT, SECONDS, 50_000, one, options)
            for one in (None, *variant.works)
        ]
        async with asyncio.TaskGroup() as group:
            for one in sessions:
                group.create_task(one.run(way.url("/numbered"), timeout=60.0))
            await sessions[0].halfway.wait()
            way.proxy.program.process.send_signal(reload)
            await way.proxy.program.log.seen(ended)
            assert any(not one.complete for one in sessions), "else nothing was tested"


@pytest.mark.timeout(90)
async def test_a_reload_in_the_midst_of_sessions_loses_nothing(proxies: World) -> None:
    async with asyncio.TaskGroup() as group:
        for name in RELOADS:
            group.create_task(reloaded(proxies, name))


async def replaced(world: World, name: str) -> None:
    """Kill the origin behind a proxy and start another at its port."""
    with ExitStack() as stack:
        origin = world.new_origin("uvicorn", stack)
        way = world.new_way(BY_NAME[name], stack, origin)
        killed = asyncio.Event()
        ready = asyncio.Barrier(len(RESTARTED) + 1)

        async def session(transport: str | None) -> None:
            async with byway.connect(
                way.url("/echo"), transports=transport, memory=False, **way.options()
            ) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
                await ready.wait()
                await killed.wait()
                async with asyncio.timeout(15):
                    assert await channel.receive() is None
                assert channel.code == 1006
                assert "410" in channel.reason, f"{name} {transport}: {channel.reason}"

        async with asyncio.TaskGroup() as group:
            for transport in RESTARTED:
                group.create_task(session(transport))
            await ready.wait()
            await asyncio.to_thread(origin.program.kill)
            again = ("--port", str(origin.port))
            await asyncio.to_thread(world.new_origin, "uvicorn", stack, *again)
            killed.set()


async def test_a_new_server_in_the_place_of_the_old_is_a_clear_end(proxies: World) -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("nginx/plain", "haproxy/tls", "caddy/tls"):
            group.create_task(replaced(proxies, name))


async def long_message(world: World, name: str, transport: str) -> None:
    """Send more than a proxy takes in one body, and get it back."""
    way = world.way(BY_NAME[name])
    async with byway.connect(
        way.url("/echo"), transports=transport, memory=False, **way.options()
    ) as channel:
        message = bytes(range(256)) * 12_000
        await channel.send(message)
        assert await channel.receive() == message, f"{name} {transport}"


async def test_messages_beyond_what_a_proxy_takes_at_once(proxies: World) -> None:
    """nginx takes 1 MB by default, 64 KiB where `gzip` is, Traefik 1 MB: 413 to more."""
    names = ("nginx/plain", "nginx/gzip", "traefik/buffering", "haproxy/tls")
    async with asyncio.TaskGroup() as group:
        for variant in map(BY_NAME.__getitem__, names):
            for transport in variant.works:
                group.create_task(long_message(proxies, variant.name, transport))
