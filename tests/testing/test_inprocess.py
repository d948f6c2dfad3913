"""InProcessServer: an application over each transport without a port, and what it raises."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import byway
from byway.errors import NoTransport, Refused, UsageError
from byway.testing import InProcessServer
from pytest_byway import TransportsFixture

heard: list[str] = []


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Note when it begins and ends."""
    heard.append("start")
    yield {"name": "ann"}
    heard.append("stop")


async def echo(websocket: WebSocket) -> None:
    """Send back what comes; do as some words say."""
    await websocket.accept()
    while (event := await websocket.receive())["type"] != "websocket.disconnect":
        if event.get("text") == "boom":
            raise ValueError("boom")
        if event.get("text") == "deaf":
            await asyncio.Event().wait()
        if event.get("text") == "who":
            assert websocket.client
            await websocket.send_text(f"{websocket.client.host} {websocket.state.name}")
        elif (data := event.get("bytes")) is not None:
            await websocket.send_bytes(data)
        else:
            await websocket.send_text(event["text"])
    heard.append(f"disconnect {event['code']}")


async def failing(websocket: WebSocket) -> None:
    """Raise before it has accepted."""
    raise ValueError("not accepted")


async def page(request: Request) -> PlainTextResponse:
    """Answer ordinary HTTP."""
    if request.query_params:
        raise ValueError("boom of a page")
    return PlainTextResponse(request.headers["host"])


def wrapped() -> byway.FallbackMiddleware:
    """Make the application."""
    heard.clear()
    routes = [
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/failing", failing),
        Route("/", page),
    ]
    return byway.FallbackMiddleware(Starlette(routes=routes, lifespan=lifespan))


async def test_nothing_listens_and_no_name_is_looked_up(
    byway_transports: TransportsFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_named: object) -> None:
        raise AssertionError("this is not for a test without a port")

    monkeypatch.setattr(socket.socket, "listen", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    app = wrapped()
    async with byway_transports(app) as server:
        assert heard == ["start"]
        async with server.connect("/echo") as channel:
            assert channel.transport == byway_transports.transport
            for message in ("hello", b"\x00", "", b"", "x" * 300_000):
                await channel.send(message)
                assert await channel.receive() == message
            await channel.send("who")
            assert await channel.receive() == "127.0.0.1 ann"
        assert (await server.http.get("/")).text.startswith("testserver:")
        # What the application's own code connects to finds it, too, past a proxy.
        async with byway.connect(f"{server.url}/echo", transports="poll", memory=False) as other:
            await other.send("again")
            assert await other.receive() == "again"
        url = server.url
    assert heard[-1] == "stop"
    assert app.sessions == 0
    with pytest.raises(NoTransport, match="has ended"):
        async with byway.connect(f"{url}/echo", transports="stream", memory=False, open_timeout=1):
            pass


async def test_what_the_application_raises_is_raised_in_the_test(
    byway_transports: TransportsFixture,
) -> None:
    with pytest.raises(ValueError, match="^boom$") as caught:  # noqa: PT012 - where it ends
        async with byway_transports(wrapped()) as server, server.connect("/echo") as channel:
            await channel.send("boom")
            assert await channel.receive() == "no, it is gone"
    assert caught.traceback[-1].name == "echo"
    assert isinstance(caught.value.__context__, AssertionError)

    with pytest.raises(ValueError, match="not accepted") as caught:
        async with byway_transports(wrapped()) as server, server.connect("/failing"):
            pass
    assert isinstance(caught.value.__context__, Refused | NoTransport)


async def test_of_several_exceptions_none_is_lost() -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - where it ends
        async with InProcessServer(wrapped(), transport="stream") as server:
            assert (await server.http.get("/?boom")).status_code == 500
            async with server.connect("/echo") as channel:
                await channel.send("boom")
                assert await channel.receive() is None
                assert channel.code == 1011
    assert sorted(str(one) for one in caught.value.exceptions) == ["boom", "boom of a page"]


async def test_exceptions_can_be_collected_instead() -> None:
    app = wrapped()
    async with InProcessServer(app, transport="sse", raise_app_exceptions=False) as server:
        async with server.connect("/echo") as channel:
            await channel.send("boom")
            assert await channel.receive() is None
        assert [str(one) for one in server.errors] == ["boom"]


async def test_where_pytest_ends_the_block_a_note_has_the_exception() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:  # noqa: PT012 - where it ends
        async with InProcessServer(wrapped(), transport="poll") as server:
            async with server.connect("/echo") as channel:
                await channel.send("boom")
                assert await channel.receive() is None
                pytest.fail("enough")
    assert "ValueError: boom" in caught.value.__notes__[0]


@pytest.mark.parametrize("when", ["start", "stop"])
async def test_a_lifespan_that_raises(when: str) -> None:
    @asynccontextmanager
    async def broken(_app: Starlette) -> AsyncIterator[None]:
        if when == "start":
            raise ValueError("no database")
        yield
        raise ValueError("no database")

    app = byway.FallbackMiddleware(Starlette(lifespan=broken))
    with pytest.raises(ValueError, match="no database"):
        async with InProcessServer(app):
            assert when == "stop"


async def test_channels_that_are_left_open_are_closed(byway_transports: TransportsFixture) -> None:
    app = wrapped()
    before = asyncio.all_tasks()
    async with byway_transports(app) as server:
        left = await server.connect("/echo").__aenter__()
        await left.send("hello")
        assert await left.receive() == "hello"
    assert (left.code, app.sessions) == (1001, 0)
    assert "disconnect 1001" in heard
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not any(name.startswith("byway") for name in names)


async def test_a_handler_that_hears_nothing_is_cancelled() -> None:
    app = byway.FallbackMiddleware(wrapped().app, limits=byway.ServerLimits(handler_timeout=0.1))
    async with InProcessServer(app, transport="stream") as server:
        channel = await server.connect("/echo").__aenter__()
        await channel.send("deaf")
    assert app.sessions == 0
    assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("byway session")]


async def test_several_at_once_and_from_another_loop() -> None:
    async def ask(url: str) -> str | bytes | None:
        async with byway.connect(f"{url}/echo", transports="stream", memory=False) as channel:
            await channel.send("from afar")
            return await channel.receive()

    async with InProcessServer(wrapped()) as one, InProcessServer(wrapped()) as two:
        assert one.url != two.url
        got: list[object] = []
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def elsewhere() -> None:
            got.append(asyncio.run(ask(one.url)))
            loop.call_soon_threadsafe(done.set)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        got.append(await ask(two.url))
        await done.wait()
        thread.join()
        assert got == ["from afar", "from afar"]


async def test_a_network_stands_between() -> None:
    async with InProcessServer(wrapped(), network="refuse-403") as server:
        async with server.connect("/echo") as channel:
            assert channel.transport == "stream"
            await channel.send("hello")
            assert await channel.receive() == "hello"


async def test_wrong_use_is_refused() -> None:
    bare: Any = wrapped().app
    for transport in ("websocket", "poll"):
        with pytest.raises(NoTransport):  # noqa: PT012 - inside
            async with InProcessServer(bare, transport=transport) as server:
                async with server.connect("/echo"):
                    pass
    name: Any = "main:app"
    with pytest.raises(UsageError, match="an ASGI application is wanted"):
        InProcessServer(name)
    server = InProcessServer(wrapped())
    with pytest.raises(UsageError, match="inside its `async with` block"):
        server.connect("/echo")
    async with server:
        with pytest.raises(UsageError, match="begins with a slash"):
            server.connect("echo")
        with pytest.raises(UsageError, match="entered already"):
            await server.__aenter__()
