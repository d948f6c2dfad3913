"""Connecting: which address wins, what the reasons of several come to, and what is left behind."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from byway.transports.connection_errors import trouble
from byway.transports.lookup import Names, Resolver
from byway.transports.reach import NameUnanswered, NeverConnected, reach, watched
from tests.support.process import free_port


class Addresses(Names):
    """Knows some addresses of the loopback, whatever is asked for."""

    def __init__(self, *hosts: str) -> None:
        super().__init__(Resolver())
        self.hosts = hosts

    async def addresses(self, host: str, port: int) -> list[Any]:
        """Return them."""
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                0,
                "",
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in self.hosts
        ]


@pytest.fixture
def listening() -> Iterator[int]:
    """Listen on 127.0.0.1; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one.getsockname()[1]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Give the sockets that are made; connecting to 192.0.2.x never ends, to 198.51.100.x fails."""
    loop_type = asyncio.SelectorEventLoop
    connect = loop_type.sock_connect
    all_of_them: list[socket.socket] = []

    async def sock_connect(loop: Any, sock: socket.socket, address: Any) -> None:
        all_of_them.append(sock)
        if address[0].startswith("192.0.2."):
            await asyncio.Event().wait()
        if address[0].startswith("198.51.100."):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        if address[0].startswith("203.0.113."):
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
        await connect(loop, sock, address)

    monkeypatch.setattr(loop_type, "sock_connect", sock_connect)
    return all_of_them


def left(made: list[socket.socket]) -> int:
    """Return how many sockets are open."""
    return sum(one.fileno() >= 0 for one in made)


async def test_the_next_address_is_tried_beside_one_that_says_nothing(
    listening: int, made: list[socket.socket]
) -> None:
    sock = await reach(Addresses("192.0.2.1", "127.0.0.1"), "x", listening, timeout=20)
    with sock:
        assert sock.getpeername() == ("127.0.0.1", listening)
        assert (len(made), left(made)) == (2, 1)


@pytest.mark.parametrize(
    ("hosts", "word"),
    [
        (["198.51.100.1", "127.0.0.1"], "refused"),
        (["127.0.0.1", "198.51.100.1"], "refused"),
        (["198.51.100.1", "198.51.100.2"], "unreachable"),
        (["203.0.113.1"], "connect-timeout"),
    ],
)
async def test_the_reason_that_says_most_is_given(
    made: list[socket.socket], hosts: list[str], word: str
) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - any; what it comes to is the test
        await reach(Addresses(*hosts), "x", free_port(), timeout=20)
    assert trouble(caught.value) == word
    assert left(made) == 0


async def test_time_and_cancelling_leave_no_socket(made: list[socket.socket]) -> None:
    names = Addresses("192.0.2.1", "192.0.2.2", "192.0.2.3")
    with pytest.raises(NeverConnected, match="no connection within 0.6 s") as caught:
        await reach(names, "x", 80, timeout=0.6)
    assert trouble(caught.value) == "connect-timeout"
    assert len(made) >= 2
    assert left(made) == 0
    task = asyncio.create_task(reach(names, "x", 80, timeout=None))
    before = len(made)
    while len(made) == before:  # noqa: ASYNC110 - a task that tells nobody
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(made) == 0


async def test_how_far_an_attempt_has_come(made: list[socket.socket], listening: int) -> None:
    class Slow(Names):
        async def addresses(self, host: str, port: int) -> list[Any]:
            await asyncio.Event().wait()
            raise AssertionError

    async def attempt(names: Names) -> None:
        (await reach(names, "x", listening, timeout=None)).close()
        await asyncio.Event().wait()

    for names, word, said in (
        (Slow(), "name-timeout", "the look-up of the name got no response: late"),
        (Addresses("192.0.2.1"), "connect-timeout", "never connected: late"),
        (Addresses("127.0.0.1"), "timeout", "late"),
    ):
        task, stage = watched(attempt(names))
        for _ in range(200):
            if stage.trouble == word and (word != "timeout" or (made and left(made) == 0)):
                break
            await asyncio.sleep(0.01)
        assert (stage.trouble, stage.explain("late")) == (word, said)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert left(made) == 0
        assert stage.trouble == word, "it was given up there"
    with pytest.raises(NameUnanswered) as caught:
        await reach(Slow(), "x", 1, timeout=0.01)
    assert trouble(caught.value) == "name-timeout"
