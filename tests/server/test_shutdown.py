"""What becomes of handlers when the server is told to stop."""

from __future__ import annotations

import time

import pytest

import byway
from byway.negotiation import DEFAULT_ORDER
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
        await server.log.seen("WARNING byway.server: .* goes on after the server has stopped")
        await server.log.seen("was cancelled")
        server.program.wait(timeout=10)
