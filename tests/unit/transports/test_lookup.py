"""Look-ups: shared, bounded, in threads that hold nothing up; and what a round remembers."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from byway.transports.lookup import MAX_LOOKUPS, ROUND, Names, Resolver

REAL = socket.getaddrinfo


async def until(wanted: Callable[[], bool]) -> None:
    """Let the loop turn until something is so that a thread does, which wakes no loop."""
    while not wanted():  # noqa: ASYNC110
        await asyncio.sleep(0)


class NameServer:
    """Answers what it knows, and lets names that begin with "slow" wait until `release`.

    Attributes:
        asked: how often each name was asked for.
        running: the look-ups that wait now.
        most: the most of them at once.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.running = 0
        self.most = 0
        self._changed = threading.Condition()
        self._free = False

    def getaddrinfo(self, host: str, port: Any, **options: Any) -> Any:
        """Look up; this runs in a thread."""
        if options.get("flags"):
            return REAL(host, port, **options)
        assert threading.current_thread().name == "byway look-up"
        assert threading.current_thread().daemon
        with self._changed:
            self.asked[host] += 1
            if host.startswith("slow"):
                self.running += 1
                self.most = max(self.most, self.running)
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._free, 30)
                self.running -= 1
        if host.endswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return REAL("192.0.2.1", port, type=socket.SOCK_STREAM)

    def release(self) -> None:
        """Answer all that wait, and all others."""
        with self._changed:
            self._free = True
            self._changed.notify_all()

    async def waiting(self, count: int) -> None:
        """Wait until so many look-ups wait."""

        def wait() -> None:
            with self._changed:
                assert self._changed.wait_for(lambda: self.running >= count, 10)

        thread = threading.Thread(target=wait)  # not the executor, which is to stay unused
        thread.start()
        await until(lambda: not thread.is_alive())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """Put a name server in the place of the system's."""
    one = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", one.getaddrinfo)
    yield one
    one.release()


def executor() -> Any:
    """Return the default executor of the running loop, None where nobody has used it."""
    return getattr(asyncio.get_running_loop(), "_default_executor")  # noqa: B009 - it is private


async def test_all_who_ask_for_a_name_share_one_look_up(server: NameServer) -> None:
    resolver = Resolver()
    asking = [asyncio.create_task(resolver.look_up("slow.test")) for _ in range(20)]
    await server.waiting(1)
    # Another loop, in another thread, too.
    other: list[Any] = []
    thread = threading.Thread(
        target=lambda: other.append(asyncio.run(resolver.look_up("slow.test")))
    )
    thread.start()
    await until(lambda: len(resolver._jobs["slow.test"].waiters) == 21)
    server.release()
    found = await asyncio.gather(*asking)
    await until(lambda: not thread.is_alive())
    assert [one[0][4] for one in [*found, *other]] == [("192.0.2.1", 0)] * 21
    assert server.asked == {"slow.test": 1}
    assert not resolver._jobs
    assert executor() is None


async def test_a_name_that_hangs_holds_one_thread_and_others_go_on(server: NameServer) -> None:
    resolver = Resolver()
    stuck = [asyncio.create_task(resolver.look_up("slow.test")) for _ in range(50)]
    await server.waiting(1)
    assert await resolver.look_up("quick.test")
    with pytest.raises(socket.gaierror) as caught:
        await resolver.look_up("unknown")
    assert caught.value.errno == socket.EAI_NONAME
    for one in stuck:
        one.cancel()
    assert all(
        isinstance(one, asyncio.CancelledError)
        for one in await asyncio.gather(*stuck, return_exceptions=True)
    ), "the wait ends at once"
    assert server.running == 1, "the look-up itself cannot be ended"
    again = asyncio.create_task(resolver.look_up("slow.test"))
    await asyncio.sleep(0)
    server.release()
    assert await again
    assert server.asked["slow.test"] == 1, "who came later shared it"


async def test_there_are_no_more_threads_than_the_bound(server: NameServer) -> None:
    resolver = Resolver()
    asking = [asyncio.create_task(resolver.look_up(f"slow{n}.test")) for n in range(12)]
    await server.waiting(MAX_LOOKUPS)
    assert resolver._threads == MAX_LOOKUPS
    gone = asking.pop()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert len(resolver._queue) == 3, "nobody waits for that one any more"
    server.release()
    await asyncio.gather(*asking)
    assert server.most == MAX_LOOKUPS
    assert len(server.asked) == 11
    await until(lambda: not resolver._threads)


async def test_where_no_thread_can_be_had_it_is_an_error(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver()
    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(OSError, match="no thread for a look-up"):
        await resolver.look_up("quick.test")
    monkeypatch.undo()
    assert not resolver._jobs


def test_a_loop_that_is_closed_harms_nobody(server: NameServer) -> None:
    resolver = Resolver()
    loop = asyncio.new_event_loop()
    task = loop.create_task(resolver.look_up("slow.test"))
    loop.run_until_complete(server.waiting(1))
    waiters = list(resolver._jobs["slow.test"].waiters)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    resolver._jobs["slow.test"].waiters += waiters  # as if it had been closed without a cancel
    loop.close()

    async def another() -> None:
        waiting = asyncio.create_task(resolver.look_up("slow.test"))
        await asyncio.sleep(0)
        server.release()
        assert await waiting

    asyncio.run(another())


@pytest.mark.parametrize("fails", [False, True])
async def test_one_round_asks_once_whatever_the_response(server: NameServer, fails: bool) -> None:
    host = "unknown" if fails else "quick.test"
    names = Names(Resolver())

    async def ask() -> Any:
        try:
            return await names.addresses(host, 80)
        except OSError as error:
            return error

    found = [await ask() for _ in range(4)]
    assert server.asked[host] == 1
    if fails:
        assert len({id(one) for one in found}) == 4, "each raises its own"
        assert {one.errno for one in found} == {socket.EAI_NONAME}
    else:
        assert [one[4] for one in found[0]] == [("192.0.2.1", 80)]
    names.forget()
    await ask()
    assert server.asked[host] == 2, "the next round asks anew"


async def test_a_result_is_not_kept_for_long(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(Resolver())
    await names.addresses("quick.test", 80)
    loop = asyncio.get_running_loop()
    later = loop.time() + ROUND
    monkeypatch.setattr(loop, "time", lambda: later)
    await names.addresses("quick.test", 81)
    assert server.asked["quick.test"] == 2


async def test_what_a_round_before_had_asked_is_not_kept(server: NameServer) -> None:
    names = Names(Resolver())
    asking = asyncio.create_task(names.addresses("slow.test", 80))
    await server.waiting(1)
    names.forget()
    server.release()
    await asking
    await names.addresses("slow.test", 80)
    assert server.asked["slow.test"] == 2


@pytest.mark.parametrize("host", ["192.0.2.7", "::1", "2001:db8::7"])
async def test_an_address_is_not_looked_up(server: NameServer, host: str) -> None:
    found = await Names(Resolver()).addresses(host, 8080)
    assert [one[4][:2] for one in found] == [(host, 8080)]
    assert not server.asked


async def test_what_can_be_no_name_is_an_error_as_any_other() -> None:
    with pytest.raises(OSError, match="label"):
        await Names(Resolver()).addresses("x" * 64 + ".test", 80)


HANG = """
import asyncio, socket, threading
real = socket.getaddrinfo
begun = threading.Event()

def hang(host, port, **options):
    if options.get("flags"):
        return real(host, port, **options)
    begun.set()
    threading.Event().wait()

socket.getaddrinfo = hang
import byway

async def main():
    try:
        async with byway.connect("http://dead.test/", proxy=None, open_timeout=0.5, memory=False):
            pass
    except byway.NoTransport as error:
        print(error.attempts[0].trouble, begun.is_set())

asyncio.run(main())
"""


def test_a_look_up_that_hangs_does_not_delay_the_end_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HANG],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "name-timeout True\n", "")
