"""An application's refusal on real servers: what clients are told, and what the logs say of it."""

from __future__ import annotations

import pytest
import websockets
from websockets.asyncio.client import connect as websocket_connect

import byway
from byway.handshake import Hello
from byway.keys import new_key
from byway.negotiation.retry import MAY_BE_REFUSED
from tests.support import asgi_servers
from tests.support.servers import Server, hypercorn, uvicorn
from tests.support.worker_servers import ALL, serving

APP = "tests.apps.endpoint_app:app"


async def refused(server: Server, path: str, transports: str) -> byway.Refused:
    """Return the refusal that a client gets."""
    with pytest.raises(byway.Refused) as caught:
        async with byway.connect(server.url(path), transports=transports, memory=False, proxy=None):
            pass
    return caught.value


async def check(server: Server) -> None:
    """Check what every server can do that lets an application answer a handshake."""
    alone = await refused(server, "/refuse", "websocket")
    assert (alone.status, alone.body) == (403, b"")
    first, second = alone.attempts
    assert (first.status, first.mark) == (403, "")
    assert (second.status, second.mark) == (403, "refused")
    beside = await refused(server, "/refuse", "websocket, stream")
    assert beside.status == 403
    assert [one.transport for one in beside.attempts] == ["websocket", "stream"]
    own = await refused(server, "/deny", "websocket")
    assert (own.status, own.body, len(own.attempts)) == (429, b"come back later", 1)


def runs(server: Server) -> int:
    """Count the runs of the handler that refuses."""
    return sum("tests.app: refusing" in line for line in server.log.lines)


@pytest.mark.parametrize("ws", ["auto", "websockets-sansio", "websockets", "wsproto"])
async def test_no_refusal_is_an_error_in_the_log_of_uvicorn(ws: str) -> None:
    with uvicorn(APP, "--ws", ws) as server:
        await check(server)
        # byway's own: a page of another origin.
        with pytest.raises(websockets.InvalidStatus) as foreign:
            async with websocket_connect(
                server.url("/echo", scheme="ws"),
                proxy=None,
                origin=websockets.Origin("https://elsewhere.example"),
                subprotocols=[websockets.Subprotocol(one) for one in offers()],
            ):
                pass
        assert foreign.value.response.status_code == 403
        assert foreign.value.response.headers["byway"] == "error"
        server.program.terminate()
        server.program.wait()
    assert runs(server) == 2, "asked for a second time, the handler ran again"
    assert [line for line in server.log.lines if line.startswith("ERROR")] == []


def offers() -> list[str]:
    """Return the subprotocols with which a client of byway opens a session."""
    hello = Hello(key=new_key(), carrier=1, received=0, room=1000)
    return ["byway.1", hello.token()]


async def test_where_only_websockets_are_offered_they_are_asked_again() -> None:
    with uvicorn("tests.apps.endpoint_app:sockets") as server:
        told = await refused(server, "/refuse", "websocket, stream, poll")
        assert told.status == 403
        assert runs(server) == 1


async def test_hypercorn_tells_a_refusal() -> None:
    with hypercorn(APP) as server:
        await check(server)


async def test_granian_tells_a_refusal() -> None:
    with serving(ALL["granian-asgi"], APP, count=1) as server:
        await check(server)


@pytest.mark.parametrize("name", ["gunicorn-asgi", "daphne"])
async def test_a_server_that_can_only_say_403_is_asked_over_another_transport(name: str) -> None:
    """gunicorn's own ASGI worker has no denial responses; nor has Daphne."""
    with asgi_servers.serving(asgi_servers.ALL[name], APP) as server:
        with pytest.raises(byway.NoTransport) as caught:
            async with byway.connect(
                server.url("/refuse"), transports="websocket", memory=False, proxy=None
            ):
                pass
        assert MAY_BE_REFUSED in str(caught.value)
        assert len(caught.value.attempts) == 2
        told = await refused(server, "/deny", "websocket, poll")
        assert (told.status, told.body) == (429, b"come back later")
