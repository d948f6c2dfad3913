"""What becomes of handlers when the server is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator

import pytest

import byway
from byway.negotiation import DEFAULT_ORDER
from tests.support.process import Program, running
from tests.support.servers import uvicorn

transports = pytest.mark.parametrize("transport", DEFAULT_ORDER)


@transports
@pytest.mark.parametrize(("app", "path"), [("app", "/"), ("mounted", "/inside/")])
async def test_a_handler_may_finish_what_it_does_after_the_end(
    app: str, path: str, transport: str
) -> None:
    with uvicorn(f"tests.apps.shutdown_app:{app}") as server:
        url = server.url(path)
        async with byway.connect(url, transports=[transport], proxy=None) as channel:
            assert await channel.receive() == "here"
            started = time.monotonic()
            server.program.terminate()
            assert await channel.receive() is None
            assert channel.code == 1012
        await server.log.seen("left with 1012")
        server.program.wait(timeout=10)
        assert time.monotonic() - started < 8


async def test_a_handler_that_never_returns_is_cancelled() -> None:
    with uvicorn("tests.apps.shutdown_app:stubborn") as server:
        async with byway.connect(server.url("/"), transports="stream", proxy=None) as channel:
            assert await channel.receive() == "here"
            server.program.terminate()
            assert await channel.receive() is None
        await server.log.seen(
            "WARNING byway.server: .* was still running after the server had stopped"
        )
        await server.log.seen("was cancelled")
        server.program.wait(timeout=10)


async def test_clients_that_poll_in_the_midst_of_a_conversation_are_all_told() -> None:
    """Between two polls a client needs a server that still listens, to be told at all."""

    async def client(url: str, ready: asyncio.Barrier) -> int | None:
        async with byway.connect(url, transports="poll", proxy=None, memory=False) as channel:

            async def talk() -> None:
                with contextlib.suppress(byway.ChannelClosed):
                    while True:
                        await channel.send("y" * 100)
                        await asyncio.sleep(0.01)

            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                group.create_task(talk())
                await channel.receive()
                await ready.wait()
                async for _ in channel:
                    pass
            return channel.code

    with uvicorn("tests.apps.endpoint_app:app") as server:
        ready = asyncio.Barrier(20 + 1)
        clients = [asyncio.create_task(client(server.url("/echo"), ready)) for _ in range(20)]
        await ready.wait()
        server.program.terminate()
        assert await asyncio.gather(*clients) == [1012] * 20
        server.program.wait(timeout=10)


@contextlib.contextmanager
def sleeper(url: str) -> Iterator[None]:
    """Keep a client that sleeps, and acknowledges nothing."""
    command = [sys.executable, "-m", "tests.support.vanishing", url, "stream"]
    with running(Program(command)) as client:
        client.log.wait("connected")
        client.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            client.process.send_signal(signal.SIGCONT)


async def test_a_second_signal_is_for_those_who_cannot_wait() -> None:
    """A client that sleeps would keep the server from stopping for `drain_timeout`."""
    with uvicorn("tests.apps.shutdown_app:patient") as server, sleeper(server.url("/")):
        server.program.process.send_signal(signal.SIGINT)
        await server.log.seen("closing 1 sessions with code 1012")
        started = time.monotonic()
        server.program.process.send_signal(signal.SIGINT)
        await asyncio.to_thread(server.program.wait, 10.0)
        assert time.monotonic() - started < 5


async def test_one_endpoint_that_waits_keeps_no_other_from_hearing() -> None:
    """Each hears the signal before the one that was there before it."""
    with uvicorn("tests.apps.shutdown_app:two") as server:
        async with byway.connect(server.url("/inside/"), transports="poll", proxy=None) as channel:
            assert await channel.receive() == "here"
            with sleeper(server.url("/patient/")):
                server.program.process.send_signal(signal.SIGINT)
                async with asyncio.timeout(10):
                    assert await channel.receive() is None
                assert channel.code == 1012
                await channel.close()
                assert server.program.process.poll() is None, "the other waits for its client"
                server.program.process.send_signal(signal.SIGINT)
                await asyncio.to_thread(server.program.wait, 10.0)
