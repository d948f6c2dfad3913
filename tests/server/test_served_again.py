"""One application object, served by one server after another, as test suites do."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

import byway
import byway.server
from byway.server.application import Application
from byway.transports.base import Event, Scope
from tests.support.peers import connect, exchange


async def cycle(app: Application) -> list[str]:
    """Send an application through one lifespan."""
    events: list[Event] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Event:
        return events.pop(0)

    async def send(event: Event) -> None:
        sent.append(event["type"])

    scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    await app(scope, receive, send)
    return sent


async def test_an_application_that_was_drained_serves_again_after_its_next_startup() -> None:
    async def handler(channel: byway.Channel) -> None:
        await channel.accept()

    app = byway.Endpoint(handler)
    for _ in range(2):
        assert await cycle(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert app._admission.registry.draining
    started: list[bool] = []

    async def observed(scope: Scope, receive: object, send: object) -> None:
        started.append(app._admission.registry.draining)

    app.app = observed
    await cycle(app)
    assert started == [False]


async def stop_in_mid_session(app: Application, *, watched: bool) -> int | None:
    """Serve a mounted endpoint, which sees no lifespan; return what a client was told."""
    config = uvicorn.Config(app, port=0, log_level="warning")
    server = byway.server.watch(uvicorn.Server(config)) if watched else uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/echo/"
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with connect(url, "stream", memory=False) as channel:
            assert await exchange(channel, "hello") == ["hello"]
            server.should_exit = True
            assert await channel.receive() is None
        return channel.code
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("watched", [True, False])
async def test_a_mounted_endpoint_serves_again_after_its_server_stopped(*, watched: bool) -> None:
    """In the same event loop on another socket, and then in another event loop."""

    async def echo(channel: byway.Channel) -> None:
        await channel.accept()
        async for message in channel:
            await channel.send(message)

    app = Starlette(routes=[Mount("/echo", byway.Endpoint(echo))])
    codes = [await stop_in_mid_session(app, watched=watched) for _ in range(2)]

    def serve() -> None:
        codes.append(asyncio.run(stop_in_mid_session(app, watched=watched)))

    thread = threading.Thread(target=serve)
    thread.start()
    await asyncio.to_thread(thread.join, 20)
    assert codes == [1012] * 3
