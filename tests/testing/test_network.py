"""The network as a whole: changing rules, killing, blocking, bounds, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import uvloop

from byway import UsageError
from byway.testing import (
    Answer,
    Fate,
    KillAfterUpgrade,
    Latency,
    Network,
    NetworkLimits,
    NetworkThread,
    Plan,
    RefuseUpgrade,
    Request,
    SwallowUpgrade,
)
from byway.testing.plan import Rule
from tests.support.tls import Authority
from tests.testing.clients import UPGRADE, get, raw_client
from tests.testing.origin import Origin, running_origin


@pytest.mark.parametrize("turns", range(8))
async def test_a_connection_killed_as_soon_as_it_is_accepted_leaves_nothing_behind(
    origin: Origin, turns: int
) -> None:
    async with Network(origin.port) as network:
        before = asyncio.all_tasks()
        with socket.create_connection(("127.0.0.1", network.port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            network.kill_connections()
            await network.until(lambda: network.counters.accepted == 1)
            network.kill_connections()
            await network.until(lambda: network.connections == 0)
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_a_connection_accepted_as_it_ends_is_closed(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def run(turns: int) -> None:
        async with Network(9) as network:
            client = socket.create_connection(("127.0.0.1", network.port))
            for _ in range(turns):
                await asyncio.sleep(0)
        assert network.connections == 0
        client.settimeout(5)
        with client, contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""

    for turns in range(8):
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(run(turns))
        gc.collect()  # a transport left open would warn


async def test_rules_change_while_it_runs(origin: Origin, http: httpx.AsyncClient) -> None:
    async with Network(origin.port, RefuseUpgrade()) as network:
        async with raw_client(network.port) as client:
            await client.send(UPGRADE)
            assert await client.status() == 403
        network.use()
        async with raw_client(network.port) as open_one:
            await open_one.upgraded()
            network.profile("refuse-426")
            async with raw_client(network.port) as client:
                await client.send(UPGRADE)
                assert await client.status() == 426
            await open_one.send(b"still here")
            assert await open_one.exactly(10) == b"still here"
        with pytest.raises(UsageError, match="unknown profile 'nonsense'"):
            network.use("nonsense")
        with pytest.raises(UsageError, match="neither a rule"):
            network.use(3)  # type: ignore[arg-type]
        assert network.rules == (RefuseUpgrade(426),)


async def test_all_connections_are_reset_on_command(origin: Origin) -> None:
    async with Network(origin.port) as network:
        async with raw_client(network.port) as one, raw_client(network.port) as two:
            await one.upgraded()
            await two.send(get("/silent"))
            await origin.request(1)
            assert network.kill_connections() == 2
            assert await one.rest() == (b"", "reset")
            assert await two.rest() == (b"", "reset")
            await network.until(lambda: network.connections == 0)
            for seen in origin.seen:
                await asyncio.wait_for(seen.left.wait(), 10)
        assert network.counters.killed == 2
        async with raw_client(network.port) as client:
            await client.upgraded()  # new ones pass


async def test_a_blocked_network_holds_everything_and_loses_nothing(origin: Origin) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.upgraded()
        network.block()
        await client.send(b"held")
        async with raw_client(network.port) as late:
            await late.send(get("/size/3"))
            await network.until(lambda: network.counters.bytes_up > len(UPGRADE) + 4)
            assert origin.raw == b""
            assert network.counters.requests == 1
            network.heal()
            assert await client.exactly(4) == b"held"
            assert await late.status() == 200


async def test_what_was_asked_can_be_read(origin: Origin, http: httpx.AsyncClient) -> None:
    limits = NetworkLimits(remembered=2)
    async with Network(origin.port, limits=limits) as network:
        for path in ("/a", "/b", "/c?d=e"):
            await http.post(network.url + path, headers={"X-One": "two"})
        assert [one.target for one in network.requests] == ["/b", "/c?d=e"]
        last = network.requests[-1]
        assert (last.method, last.path, last.number, last.of_method) == ("POST", "/c", 3, 3)
        assert ("x-one", "two") in last.headers
        counters = network.counters
        assert (counters.requests, counters.posts, counters.passed) == (3, 3, 3)
        assert counters.accepted == 1  # it was kept alive


async def test_a_rule_of_ones_own(origin: Origin, http: httpx.AsyncClient) -> None:
    @dataclass(frozen=True)
    class Teapot(Rule):
        path: str

        def request(self, request: Request, plan: Plan) -> Plan:
            if request.path != self.path:
                return plan
            return plan.decide(Fate.ANSWER, self, Answer(418, headers=(("X-Tea", "green"),)))

    async with Network(origin.port, "open", Teapot("/tea")) as network:
        answer = await http.get(f"{network.url}/tea")
        assert (answer.status_code, answer.headers["x-tea"]) == (418, "green")
        assert (await http.get(f"{network.url}/milk")).status_code == 200


async def test_a_client_that_leaves_is_told_to_the_origin(origin: Origin) -> None:
    async with Network(origin.port) as network:
        async with raw_client(network.port) as client:
            await client.send(get("/live"))
            await origin.request()
        await asyncio.wait_for(origin.seen[0].left.wait(), 10)
        await network.until(lambda: network.connections == 0)


async def test_an_origin_that_is_away_is_a_502(http: httpx.AsyncClient) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    async with Network(port) as network:
        assert (await http.get(network.url)).status_code == 502
        assert (await http.post(network.url, content=b"x" * 100_000)).status_code == 502


async def test_an_origin_that_breaks_off_is_a_502_or_a_cut() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/begun" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
        elif b"/nonsense" in head:
            writer.write(b"no http at all\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        async with Network(server.sockets[0].getsockname()[1]) as network:
            for path in ("/", "/nonsense"):
                async with raw_client(network.port) as client:
                    await client.send(get(path))
                    assert await client.status() == 502
            async with raw_client(network.port) as client:
                await client.send(get("/begun"))
                assert await client.status() == 200
                assert await client.rest() == (b"begun", "end")
            assert network.counters.cut == 0  # no rule did that


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
    ],
)
async def test_clients_are_answered_what_they_deserve(
    origin: Origin, request_: bytes, status: int
) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.send(request_)
        assert await client.status() == status
        await client.rest()


async def test_requests_that_come_together_are_answered_in_turn(origin: Origin) -> None:
    async with Network(origin.port) as network, raw_client(network.port) as client:
        await client.send(get("/size/1") + get("/size/2"))
        await client.head()
        assert await client.exactly(1) == b"x"
        await client.head()
        assert await client.exactly(2) == b"xx"


async def test_a_long_body_passes_both_ways(origin: Origin, http: httpx.AsyncClient) -> None:
    body = os.urandom(3_000_000)
    async with Network(origin.port) as network:
        assert (await http.post(network.url, content=body)).content == body


async def test_one_connection_too_many_is_reset(origin: Origin) -> None:
    async with Network(origin.port, limits=NetworkLimits(connections=1)) as network:
        async with raw_client(network.port) as first:
            await first.upgraded()
            async with raw_client(network.port) as second:
                assert await second.rest() == (b"", "reset")
            await first.send(b"ok")
            assert await first.exactly(2) == b"ok"


async def test_it_serves_tls(origin: Origin, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate_file, authority.key_file)
    async with Network(origin.port, "refuse-403", ssl=context) as near:
        assert near.url.startswith("https://127.0.0.1:")
        assert near.ws_url.startswith("wss://")
        async with httpx.AsyncClient(verify=authority.context(), trust_env=False) as client:
            assert (await client.get(near.url)).text == "hello"
        async with Network(near.url, origin_ssl=authority.context()) as far:
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(far.url)).text == "hello"


async def test_many_bytes_pass_tls_both_ways(origin: Origin, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate_file, authority.key_file)
    async with Network(origin.port, ssl=context) as near:
        async with Network(near.url, origin_ssl=authority.context()) as far:
            async with raw_client(far.port) as client:
                await client.upgraded()
                for size in (*range(1, 50), 100_000):
                    await client.send(b"." * size)
                    assert await client.exactly(size) == b"." * size


async def test_nothing_is_left_of_it(origin: Origin) -> None:
    def sockets() -> int:
        return sum("socket" in os.readlink(path) for path in descriptors())

    tasks, open_before = asyncio.all_tasks(), sockets()
    async with AsyncExitStack() as clients:
        async with Network(origin.port, SwallowUpgrade(), Latency(ms=20)) as network:
            port = network.port
            silent, live, half, idle = [
                await clients.enter_async_context(raw_client(port)) for _ in range(4)
            ]
            await silent.send(UPGRADE)
            await live.send(get("/live"))
            await half.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf")
            await origin.request(1)
            await network.until(lambda: network.counters.swallowed == 1)
            assert network.connections == 4
        assert network.connections == 0
        for client in (silent, live, half, idle):
            assert await client.rest() == (b"", "reset")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    for seen in origin.seen:
        await asyncio.wait_for(seen.left.wait(), 10)
    for _ in range(10):
        await asyncio.sleep(0)  # the clients' and the origin's own sockets close meanwhile
    assert asyncio.all_tasks() == tasks
    assert sockets() == open_before


def descriptors() -> list[Path]:
    """Return what is open in this process, from Linux's /proc."""
    return [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]


def test_it_runs_in_uvloop() -> None:
    async def run() -> None:
        async with running_origin() as origin:
            async with Network(origin.port, KillAfterUpgrade(bytes=100), Latency(ms=5)) as network:
                async with raw_client(network.port) as client:
                    await client.upgraded()
                    await client.send(b"x" * 60)
                    assert await client.rest() == (b"x" * 40, "reset")
                async with raw_client(network.port) as client:
                    await client.upgraded()
                    network.kill_connections()
                    assert await client.rest() == (b"", "reset")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def test_a_cancelled_exit_leaves_nothing_either(origin: Origin) -> None:
    async def use(started: asyncio.Event) -> None:
        async with Network(origin.port) as network:
            ports.append(network.port)
            started.set()
            await asyncio.Event().wait()

    ports: list[int] = []
    started = asyncio.Event()
    before = asyncio.all_tasks()
    task = asyncio.create_task(use(started))
    await started.wait()
    async with raw_client(ports[0]) as client:
        await client.upgraded()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # once more, while it tidies up
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.rest())[1] == "reset"
    await asyncio.wait_for(origin.seen[0].left.wait(), 10)
    gc.collect()  # a transport left open would warn
    await asyncio.sleep(0)
    assert not [one for one in asyncio.all_tasks() - before if "byway" in one.get_name()]


async def test_it_is_silent_unless_asked(
    origin: Origin, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with Network(origin.port, "refuse-403") as network:
        await http.get(network.url)
        assert not [one for one in caplog.records if one.name.startswith("byway")]
        caplog.set_level(logging.INFO, "byway.testing")
        async with raw_client(network.port) as client:
            await client.send(UPGRADE)
            await client.status()
        said = [one.getMessage() for one in caplog.records if one.name == "byway.testing"]
        assert said[-1] == "#2 GET /raw (upgrade): answered 403 (RefuseUpgrade(status=403))"


@pytest.mark.parametrize(
    "origin",
    [
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1/path",
        "127.0.0.1:80",
        "http://a:b",
        0,
        70_000,
    ],
)
def test_what_is_no_origin_is_refused(origin: str | int) -> None:
    with pytest.raises(UsageError):
        Network(origin)


async def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="loopback"):
        Network(8000, host="0.0.0.0", forward=True)
    with pytest.raises(UsageError, match="NetworkLimits.head"):
        NetworkLimits(head=0)
    network = Network(8000)
    async with network:
        with pytest.raises(UsageError, match="entered already"):
            await network.__aenter__()
        with pytest.raises(TimeoutError, match="accepted=0"):
            await network.until(lambda: False, timeout=0.01)


def test_the_first_rule_decides() -> None:
    plan = Plan()
    request = Request("GET", "/", (("upgrade", "websocket"),))
    for rule in (SwallowUpgrade(), RefuseUpgrade()):
        plan = rule.request(request, plan)
    assert plan.fate is Fate.SWALLOW
    assert replace(plan, fate=Fate.PASS).decide(Fate.DROP, "me").why == "me"


def test_it_runs_in_a_thread_for_those_without_a_loop() -> None:
    with NetworkThread(None, "refuse-403") as far, NetworkThread(far.url) as network:
        with httpx.Client(trust_env=False) as client:
            assert client.get(network.url).status_code == 400  # the far one has no origin
            network.profile("open")
            assert network.rules == ()
            network.use("refuse-426")
            answer = client.get(network.url, headers={"Upgrade": "x", "Connection": "upgrade"})
            assert answer.status_code == 426
            assert network.requests[-1].upgrade
            assert network.counters.requests == 2
            assert network.ws_url == f"ws://127.0.0.1:{network.port}"
            network.block()
            with pytest.raises(httpx.ReadTimeout):
                client.get(network.url, timeout=0.1)
            network.heal()
            network.until(lambda one: one.connections == 0)
            client.get(network.url)
            assert network.connections == 1
            assert network.kill_connections() == 1
        network.until(lambda one: one.connections == 0)
    with pytest.raises(UsageError, match="does not run"):
        network.block()
    with NetworkThread(1, port=0) as first:
        with pytest.raises(OSError, match="in use"):
            NetworkThread(1, port=first.port).__enter__()
