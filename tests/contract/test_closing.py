"""The contract: how a session ends."""

from __future__ import annotations

import asyncio
import sys
import time
from importlib.metadata import version
from uuid import uuid4

import pytest

import byway
from byway.retry_hint import come_back
from tests.apps.limits import IMPATIENT
from tests.contract.conftest import Contract
from tests.support.peers import TRANSPORTS, connect, exchange
from tests.support.process import Program, running
from tests.support.servers import Server, uvicorn


async def test_code_and_reason_of_the_handler_reach_the_client(contract: Contract) -> None:
    path = "/closing?code=4321&reason=closing%20time%20%F0%9F%9B%A3"
    async with contract.connect(path) as channel:
        await channel.send("go")
        assert await channel.receive() is None
        assert channel.code == 4321
        # bareASGI's close() takes no reason.
        told = "" if contract.application == "bareasgi" else "closing time 🛣"
        assert channel.reason == told
        with pytest.raises(byway.ChannelClosed) as caught:
            await channel.send("too late")
        assert (caught.value.code, caught.value.reason) == (4321, told)


async def test_code_and_reason_of_the_client_reach_the_handler(contract: Contract) -> None:
    name = uuid4().hex
    async with contract.connect(f"/ending?id={name}") as channel:
        await channel.close(4000, "enough 🛣")
        assert (channel.code, channel.reason) == (4000, "enough 🛣")
    if contract.application == "bareasgi":
        # bareASGI 4.4.1 keeps no reason, and its `code` returns the text "self._code".
        code = "self._code" if version("bareASGI").startswith("4.") else "4000"
        await contract.server.log.seen(f"{name} ended with 4000, code says {code}")
    else:
        await contract.server.log.seen(f"{name} ended with 4000, reason 'enough 🛣'")


async def test_leaving_the_block_closes_with_1000(contract: Contract) -> None:
    name = uuid4().hex
    async with contract.connect(f"/ending?id={name}") as channel:
        pass
    assert channel.code == 1000
    await contract.server.log.seen(f"{name} ended with 1000")


async def test_an_exception_in_the_block_closes_with_1011(contract: Contract) -> None:
    name = uuid4().hex
    with pytest.raises(ZeroDivisionError):
        async with contract.connect(f"/ending?id={name}"):
            raise ZeroDivisionError
    await contract.server.log.seen(f"{name} ended with 1011")


async def test_what_was_sent_before_the_close_arrives_before_it(contract: Contract) -> None:
    """The handler reads at its own pace, and gets the end only after the last message."""
    name = uuid4().hex
    async with contract.connect(f"/ending?id={name}") as channel:
        for number in range(1000):
            await channel.send(f"message {number}")
    await contract.server.log.seen(f"{name} got 1000 messages, the last 'message 999'")
    await contract.server.log.seen(f"{name} ended with 1000")


async def test_an_exception_in_the_handler_closes_with_1011_and_is_logged_once(
    contract: Contract,
) -> None:
    name = uuid4().hex
    async with contract.connect(f"/fail?id={name}") as channel:
        await channel.send("go")
        assert await channel.receive() is None
        assert channel.code == 1011
        assert name not in channel.reason, "the exception's text is the server's business"
    await contract.server.log.seen(f"ExpectedFailure: {name}")
    assert sum(name in line for line in contract.server.tracebacks()) == 1


async def test_a_client_that_vanishes_ends_its_handler(
    application: str, impatient_servers: dict[str, Server]
) -> None:
    """It is killed, and cannot say goodbye. One client on each transport."""
    server = impatient_servers[application]

    async def vanish(transport: str) -> None:
        name = uuid4().hex
        url = server.url(f"/ending?id={name}")
        command = [sys.executable, "-m", "tests.support.vanishing", url, transport]
        with running(Program(command)) as client:
            await client.log.seen("connected")
            await server.log.seen(f"{name} began")
            client.kill()
            await server.log.seen(f"{name} ended with 1006", timeout=15)

    await asyncio.gather(*map(vanish, TRANSPORTS))


async def test_a_client_that_is_only_silent_keeps_its_handler(
    application: str, impatient_servers: dict[str, Server]
) -> None:
    """The counterpart of the last: two windows pass without a word of either side's."""
    server = impatient_servers[application]

    async def keep_silent(transport: str) -> None:
        async with connect(server.url("/echo"), transport) as channel:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2 * (IMPATIENT.window + IMPATIENT.silence)):
                    await channel.receive()
            assert await exchange(channel, "still here") == ["still here"]

    await asyncio.gather(*map(keep_silent, TRANSPORTS))


async def test_sigterm_ends_the_server_in_its_grace_period_with_every_client_told_1012(
    application: str,
) -> None:
    """Several clients on each transport at once, in the midst of a conversation."""
    with uvicorn(f"tests.apps.{application}_app:app", "--timeout-graceful-shutdown", "5") as server:
        told: list[tuple[str, int | None, str]] = []
        ready = asyncio.Barrier(4 * 3 + 1)

        async def client(transport: str) -> None:
            async with connect(server.url("/echo"), transport) as channel:
                assert await exchange(channel, "hello") == ["hello"]
                await ready.wait()
                assert await channel.receive() is None
                told.append((transport, channel.code, channel.reason))
                ended = time.monotonic()
            # The last acknowledgement may find no server any more, and nobody waits for that.
            assert time.monotonic() - ended < 4.0

        async with asyncio.TaskGroup() as group:
            for transport in TRANSPORTS * 3:
                group.create_task(client(transport))
            await ready.wait()
            server.program.terminate()
        status = await asyncio.to_thread(server.program.wait, 5.0)
        assert sorted(one for one, _, _ in told) == sorted(TRANSPORTS * 3)
        assert {code for _, code, _ in told} == {1012}
        pauses = [come_back(reason) for _, _, reason in told]
        assert all(pause is not None and 0 <= pause <= 5 for pause in pauses)
        assert len(set(pauses)) > 3, "all would come back at once"
        assert status in (0, -15)
        assert not any("Cancel " in line for line in server.log.lines), "it ran out of grace"
    server.assert_quiet()
