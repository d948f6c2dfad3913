"""Every server, every transport: nothing is lost while connections are cut, empties among it.

A row is one server, on which all transports run side by side.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from byway.transports import http2
from tests.apps.steady_app import UPLOADED
from tests.support.asgi_servers import ALL, serving
from tests.support.peers import TRANSPORTS
from tests.support.relay import relay
from tests.support.steady_client import cuts, steady
from tests.support.tls import Authority

COUNT: Final = 300
PAUSE: Final = 0.009

SERVERS: Final = (
    # Each of uvicorn's ways to read HTTP, and each of its WebSockets.
    "uvicorn-httptools-websockets-sansio",
    "uvicorn-h11-websockets",
    "uvicorn-h11-wsproto",
    "hypercorn",
    "hypercorn-http2",
    "anycorn",
    "granian",
    "gunicorn-asgi",
    "gunicorn-uvicorn",
    "daphne",
)

RAISED: Final[dict[str, tuple[str, ...]]] = {
    # gunicorn 27.0.1 writes to a connection on uvloop that was cut.
    "gunicorn-asgi": ("RuntimeError: unable to perform operation on <TCPTransport closed=True",),
}
"""How a traceback may begin that is the server's own doing, by server."""


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.collect()  # here, and not in another file's test


@pytest.mark.parametrize("name", SERVERS)
async def test_nothing_is_lost(
    name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ALL[name]
    options: dict[str, Any] = {}
    if kind.tls:
        monkeypatch.setattr(http2, "WANTED", True)
        options = {"ssl": authority.context()}
    certificate = authority.pair_file if kind.tls else None
    with serving(kind, "tests.apps.steady_app:app", certificate=certificate) as server:
        url = server.url("", scheme="https" if kind.tls else "http")
        # Some servers take connections before they have loaded the application.
        async with httpx.AsyncClient(verify=authority.context(), trust_env=False) as client:
            await client.get(url, timeout=20)
        async with relay(server.port) as network, asyncio.timeout(50):
            url = url.replace(str(server.port), str(network.port))
            opened = asyncio.Barrier(len(TRANSPORTS) + 1)
            upload: dict[str, Any] = {
                "count": COUNT,
                "pause": PAUSE,
                "upload": UPLOADED,
                "opened": opened,
            }
            async with asyncio.TaskGroup() as group:
                sessions = [
                    group.create_task(steady(url, one, **upload, **options), name=one)
                    for one in TRANSPORTS
                ]
                await opened.wait()
                async with cuts(network.cut) as made:
                    await asyncio.wait(sessions)
        assert len([one for one in made if one]) > 2, "hardly cut"
    tolerated = RAISED.get(name, ())
    assert not [one for one in server.tracebacks() if not one.startswith(tolerated)]
    assert not [one for one in server.complaints() if "UvicornDeprecation" not in one]
