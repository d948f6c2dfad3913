"""hypercorn, another server than uvicorn, with each transport."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

import byway
from tests.support.peers import TRANSPORTS, connect, exchange
from tests.support.process import STOP_TIMEOUT, Program, running
from tests.support.servers import Server, hypercorn

MESSAGES: list[str | bytes] = ["text", b"binary", "", b"", "two\r\nlines", "🛣" * 300_000]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve the endpoint."""
    with hypercorn("tests.apps.endpoint_app:app") as one:
        yield one
    one.assert_quiet("tests.apps.handlers.ExpectedFailure")


async def test_messages_go_both_ways(server: Server, transport: str) -> None:
    async with connect(server.url("/echo"), transport) as channel:
        assert await exchange(channel, *MESSAGES) == MESSAGES


async def test_messages_keep_their_order_each_way_at_once(server: Server, transport: str) -> None:
    async with connect(server.url("/push?count=2000"), transport) as channel:
        for number in range(2000):
            await channel.send(f"up {number}")
        assert [await channel.receive() for _ in range(2000)] == [
            f"down {number}" for number in range(2000)
        ]
        assert await channel.receive() == "in order"


async def test_headers_and_subprotocol_of_accept_arrive(server: Server, transport: str) -> None:
    async with connect(server.url("/headers"), transport) as channel:
        assert channel.headers["x-answer"] == "from the handler"
        assert len(channel.headers.get_list("set-cookie")) == 2
    async with connect(server.url("/choose"), transport, subprotocols=["a", "b"]) as channel:
        assert channel.subprotocol == "b"


async def test_a_refusal_reaches_the_client(server: Server, transport: str) -> None:
    with pytest.raises(byway.Refused) as caught:
        async with connect(server.url("/refuse"), transport):
            pass
    assert caught.value.status == 403


async def test_code_and_reason_go_both_ways(server: Server, transport: str) -> None:
    async with connect(server.url("/closing?code=4321&reason=enough"), transport) as channel:
        await channel.send("go")
        assert await channel.receive() is None
        assert (channel.code, channel.reason) == (4321, "enough")
    name = uuid4().hex
    async with connect(server.url(f"/ending?id={name}"), transport) as channel:
        await channel.close(4000, "mine")


async def test_an_exception_closes_with_1011(server: Server, transport: str) -> None:
    name = uuid4().hex
    async with connect(server.url(f"/fail?id={name}"), transport) as channel:
        await channel.send("go")
        assert await channel.receive() is None
        assert channel.code == 1011
    await server.log.seen(f"ExpectedFailure: {name}")


async def test_drain_tells_every_client_1012() -> None:
    """hypercorn's command line tells its workers to stop in a way that nobody else can hear."""
    with running(Program([sys.executable, "-m", "tests.apps.drained"])) as program:
        match = await program.log.seen(r"Running on http://[^:]+:(\d+)")
        url = f"http://127.0.0.1:{match[1]}/echo"
        ready = asyncio.Barrier(len(TRANSPORTS) + 1)

        async def client(transport: str) -> tuple[str, int | None]:
            async with connect(url, transport) as channel:
                assert await exchange(channel, "hello") == ["hello"]
                await ready.wait()
                assert await channel.receive() is None
                return transport, channel.code

        clients = [asyncio.create_task(client(transport)) for transport in TRANSPORTS]
        await ready.wait()
        program.terminate()
        assert await asyncio.gather(*clients) == [(one, 1012) for one in TRANSPORTS]
        assert await asyncio.to_thread(program.wait, 8.0) == 0


def test_the_trio_worker_is_refused_at_the_start() -> None:
    """Not with 500 for each request, when it is too late."""
    command = [sys.executable, "-m", "hypercorn", "--worker-class", "trio"]
    command += ["--bind", "127.0.0.1:0", "tests.apps.trio_app:app"]
    with running(Program(command)) as program:
        program.log.wait(r"Lifespan failure in startup.*worker_class = \"asyncio\" or \"uvloop\"")
        program.process.wait(STOP_TIMEOUT)


def test_the_trio_worker_is_refused_at_the_first_request_where_there_is_no_lifespan() -> None:
    with hypercorn("tests.apps.trio_app:outer", "--worker-class", "trio") as server:
        assert httpx.get(server.url(), trust_env=False).status_code == 500
        server.log.wait(r"UsageError: byway needs asyncio.*worker_class = \"asyncio\"")
