"""A session that both sides have closed leaves nothing behind on the server."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.peers import connect, exchange
from tests.support.servers import uvicorn


@pytest.mark.parametrize("app", ["endpoint_app:app", "wrapped_app:base"])
async def test_closed_sessions_are_not_kept_for_a_window(app: str, transport: str) -> None:
    """Without the last acknowledgement the server keeps a session for half a minute.

    A server that still has sessions when it is told to stop says so, and waits for them.
    """
    with uvicorn(f"tests.apps.{app}") as server:

        async def close_here(number: int) -> None:
            async with connect(server.url("/echo"), transport) as channel:
                assert await exchange(channel, str(number)) == [str(number)]

        async def close_there(number: int) -> None:
            async with connect(server.url("/closing?code=4000&reason=bye"), transport) as channel:
                await channel.send(str(number))
                assert await channel.receive() is None

        for number in range(20):
            await asyncio.gather(close_here(number), close_there(number))
        server.program.stop()
        opened = [line for line in server.log.lines if "byway.server: session" in line]
        assert len(opened) == 40
        assert not [line for line in server.log.lines if "draining" in line]
    server.assert_quiet()
