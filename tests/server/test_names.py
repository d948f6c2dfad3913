"""Names in a client: a look-up a round, none in the application's threads, none behind a proxy."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import byway
from byway.testing import Network
from tests.support.peers import connect, exchange
from tests.support.process import free_port
from tests.support.servers import Server
from tests.support.socks import socks

REAL = socket.getaddrinfo


class Resolver:
    """The system's, but that the names of `.dead` are never answered while the test runs.

    Attributes:
        asked: how often each name was looked up.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.over = threading.Event()

    def getaddrinfo(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        """Look up."""
        text = host.decode() if isinstance(host, bytes) else str(host)
        if options.get("flags") or text == "127.0.0.1":
            return REAL(host, port, *rest, **options)
        self.asked[text] += 1
        if text.endswith(".dead"):
            self.over.wait(50)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return REAL(host, port, *rest, **options)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """Put it in the place of the system's."""
    one = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", one.getaddrinfo)
    yield one
    one.over.set()


class Counted(ThreadPoolExecutor):
    """An executor that counts what it is given.

    Attributes:
        given: how much that was.
    """

    given = 0

    def submit(self, *arguments: Any, **options: Any) -> Any:
        """Count."""
        self.given += 1
        return super().submit(*arguments, **options)


@pytest.fixture
async def threads() -> Counted:
    """Give the loop an executor of one thread, which any look-up would block."""
    one = Counted(max_workers=1)
    asyncio.get_running_loop().set_default_executor(one)
    return one


async def test_a_dead_name_server_holds_nothing_of_the_application(
    endpoint_server: Server, resolver: Resolver, threads: Counted
) -> None:
    async def fail(name: str) -> None:
        with pytest.raises(byway.NoTransport) as caught:
            async with connect(f"http://{name}/", open_timeout=3.0, memory=False):
                pass
        assert {one.trouble for one in caught.value.attempts} == {"name-timeout"}

    failing = [asyncio.create_task(fail(name)) for name in ("a.dead", "a.dead", "b.dead")]
    while len(resolver.asked) < 2:  # noqa: ASYNC110 - a thread asks, which wakes no loop
        await asyncio.sleep(0.01)
    assert await asyncio.to_thread(lambda: "free") == "free"
    url = f"http://localhost:{endpoint_server.port}/echo"
    async with connect(url, memory=False) as channel:
        assert await exchange(channel, "hello") == ["hello"]
    assert not any(one.done() for one in failing), "else nothing is shown"
    await asyncio.gather(*failing)
    assert resolver.asked == {"a.dead": 1, "b.dead": 1, "localhost": resolver.asked["localhost"]}
    assert threads.given == 1, "the application's own"


async def test_the_wait_for_a_name_can_be_cancelled(resolver: Resolver) -> None:
    async def enter() -> None:
        async with connect("http://c.dead/", memory=False):
            pass

    entering = asyncio.create_task(enter())
    while not resolver.asked:  # noqa: ASYNC110 - a thread asks, which wakes no loop
        await asyncio.sleep(0.01)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not resolver.over.is_set()


async def test_all_transports_of_a_round_share_one_look_up(resolver: Resolver) -> None:
    url = f"http://localhost:{free_port()}/"
    with pytest.raises(byway.NoTransport) as caught:
        async with connect(url, memory=False):
            pass
    assert len(caught.value.attempts) == 4
    assert {one.trouble for one in caught.value.attempts} == {"refused"}
    assert resolver.asked == {"localhost": 1}


async def test_so_do_they_where_the_name_is_not_known(resolver: Resolver) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect("http://no-such-name.invalid/", memory=False):
            pass
    assert {one.trouble for one in caught.value.attempts} == {"name"}
    assert len(caught.value.attempts) == 4
    assert resolver.asked == {"no-such-name.invalid": 1}


async def test_a_name_behind_an_http_proxy_is_not_looked_up(
    endpoint_server: Server, resolver: Resolver, threads: Counted, transport: str
) -> None:
    async with Network() as network:
        # The proxy would look it up, in this process: it refuses what is not of the loopback.
        url = f"http://not-asked.invalid:{endpoint_server.port}/echo"
        with pytest.raises(byway.NoTransport):
            async with connect(
                url,
                transport,
                memory=False,
                open_timeout=2.0,
                proxy=f"http://localhost:{network.port}",
            ):
                pass
        assert network.requests, "else nothing is shown"
    assert resolver.asked["localhost"] >= 1
    assert set(resolver.asked) == {"localhost"}
    assert threads.given == 0


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_name_behind_a_socks_proxy_is_the_proxy_s_to_look_up(
    endpoint_server: Server, resolver: Resolver, transport: str, scheme: str
) -> None:
    pytest.importorskip("python_socks")
    async with socks({"only-the-proxy-knows.test": "127.0.0.1"}) as proxy:
        url = f"http://only-the-proxy-knows.test:{endpoint_server.port}/echo"
        through = f"{scheme}://127.0.0.1:{proxy.port}"
        async with connect(url, transport, memory=False, proxy=through) as channel:
            assert await exchange(channel, "hello", b"\0") == ["hello", b"\0"]
        assert set(proxy.asked) == {"only-the-proxy-knows.test"}
    assert not resolver.asked
