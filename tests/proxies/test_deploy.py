"""A deploy: for some seconds the real HAProxy has no server, and then it has one."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from email.utils import formatdate
from time import time

import pytest

import byway
from byway.client.channels import ClientChannel
from tests.support.balancer import balancer
from tests.support.process import free_port
from tests.support.servers import uvicorn

APP = "tests.apps.endpoint_app:app"


@pytest.mark.parametrize(("status", "retry_after"), [(503, "2"), (503, None), (502, None)])
@pytest.mark.parametrize("transports", ["websocket, stream, sse, poll", "websocket", "sse"])
async def test_a_client_that_comes_while_no_server_is_there_opens_when_one_is(
    status: int, retry_after: str | None, transports: str
) -> None:
    port = free_port()
    with balancer(port, status=status, retry_after=retry_after) as proxy:
        connecting = byway.connect(
            proxy.url("/echo"), proxy=None, transports=transports, memory=False
        )
        opening = asyncio.ensure_future(connecting.__aenter__())
        await proxy.program.log.seen(rf" {status} .*/echo")
        with uvicorn(APP, "--port", str(port)) as server:
            channel = await opening
            await channel.send("hello")
            assert await channel.receive() == "hello"
            assert isinstance(channel, ClientChannel)
            assert {one.status for one in channel.attempts} == {status}
            await connecting.__aexit__(None, None, None)
            opened = [line for line in server.log.lines if "opened at" in line]
            assert len(opened) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_where_it_takes_longer_than_there_is_time_it_fails_at_once(form: str) -> None:
    wait = "300" if form == "seconds" else formatdate(time() + 300, usegmt=True)
    with balancer(free_port(), retry_after=wait) as proxy:
        began = asyncio.get_running_loop().time()
        with pytest.raises(byway.NoTransport, match="asks to come back in (29|30)") as caught:
            async with byway.connect(proxy.url("/echo"), proxy=None, memory=False):
                pass
        assert asyncio.get_running_loop().time() - began < 15  # and not the 20 s of open_timeout
        assert caught.value.retry_after == pytest.approx(300, abs=20)
        assert len(caught.value.attempts) == 4
        report = caught.value.report
        assert report is not None
        assert {one.outcome for one in report.findings} == {"refused (503)"}


async def test_a_session_whose_server_is_replaced_is_told_apart_from_one_that_was_never_there() -> (
    None
):
    """In mid-session the 503 is waited out too; the new server does not know the session."""
    port = free_port()
    with balancer(port, retry_after="1") as proxy:
        with ExitStack() as first:
            first.enter_context(uvicorn(APP, "--port", str(port)))
            connecting = byway.connect(
                proxy.url("/echo"), proxy=None, transports="poll", memory=False
            )
            channel = await connecting.__aenter__()
            mark = proxy.program.log.mark()
            # In a thread: the server waits for requests that this loop has begun.
            await asyncio.to_thread(first.close)
        # The server has said 1012 by now, or was gone before that was heard.
        assert [message async for message in channel] == []
        with uvicorn(APP, "--port", str(port)):
            await connecting.__aexit__(None, None, None)
        assert channel.code in (1012, 1006)
        tries = [line for line in proxy.program.log.since(mark) if " 503 " in line]
        assert len(tries) < 60
