"""RedisBackplane on real servers: claims raced, Redis taken away, who is gone, what it costs.

What the scripts do one by one is tested in test_redis_scripts.py.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest

from byway import ServerLimits
from byway.backplane import Backplane, Claim, Gone, Link, Unavailable, Unreachable
from byway.backplane.kinds import END
from byway.backplane.redis import RedisBackplane
from byway.backplane.whereabouts import REFUSED_FOR, RENEWALS
from tests.support.lossy import lossy
from tests.support.process import Program
from tests.support.redis import RedisServer, redis_server

A, B, C = "aaaaaaaa", "bbbbbbbb", "cccccccc"
EPOCH = "byway:{byway}:epoch"


def digest(number: int) -> bytes:
    """Return the hash of a key."""
    return sha256(b"%d" % number).digest()


async def serve(link: Link, payload: bytes) -> None:
    """Serve a call: send it back."""
    link.write(END, payload)
    await link.receive()
    link.free()


async def claim(backplane: Backplane, number: int) -> Claim:
    """Claim a key, and wait as a server does."""
    found = backplane.claim(digest(number))
    assert isinstance(found, Awaitable)
    async with asyncio.timeout(30):
        return await found


async def claim_at_last(backplane: Backplane, number: int) -> Claim:
    """Claim a key, again when that cannot be said, as a client does that is answered 503."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await claim(backplane, number)
            except Unavailable:
                await asyncio.sleep(0.1)


async def call(backplane: Backplane, owner: str) -> bytes:
    """Call a process."""
    link = await backplane.link(owner)
    await link.call(b"hello")
    link.write(END)
    _, payload = await link.receive()
    link.free()
    return payload


@asynccontextmanager
async def process(
    url: str, name: str, limits: ServerLimits | None = None, **options: Any
) -> AsyncIterator[Backplane]:
    """Run a process of this name."""
    backplane = RedisBackplane(url, **options).bind(name, limits)
    await backplane.start(serve)
    try:
        yield backplane
    finally:
        await backplane.aclose()


def make_old(server: RedisServer, age: int = 60_000) -> None:
    """Let the directory have been there for long."""
    with server.client() as client:
        client.hset(EPOCH, "age", age)


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    """A server for the tests that leave it as it is."""
    with redis_server() as server:
        yield server


@pytest.fixture
def server(shared: RedisServer) -> RedisServer:
    """It, empty."""
    shared.empty()
    return shared


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A server of the test's own, to be taken away."""
    with redis_server() as server:
        yield server


@pytest.fixture
async def pair(server: RedisServer) -> AsyncIterator[tuple[Backplane, Backplane]]:
    """Two processes on a directory that has been there for long."""
    async with process(server.url(), A) as a, process(server.url(), B) as b:
        make_old(server)
        yield a, b


async def test_one_wins_and_the_others_call_it(pair: tuple[Backplane, Backplane]) -> None:
    """The whole way: a claim, its owner, a call to it."""
    a, b = pair
    assert await claim(a, 1) == Claim(A)
    assert await claim(b, 1) == Claim(A)
    assert await call(b, A) == b"hello"
    assert await call(a, B) == b"hello"
    assert sorted(await a.processes()) == [A, B]
    assert (a.counts.mine, b.counts.owned) == (1, 1)


@pytest.mark.parametrize("chance", [0.0, 0.03], ids=["", "responses lost"])
async def test_thousands_of_keys_raced_by_four_processes(own: RedisServer, chance: float) -> None:
    """Each is one process' in the end, also where responses are lost.

    All say the same where none is. A claim whose response was lost is given back, so who asked
    between hears of an owner that is none; there its opening is told to come again.
    """
    keys, names = 2000, [A, B, C, "dddddddd"]
    async with AsyncExitStack() as stack:
        programs = []
        relays = []
        for seed, name in enumerate(names):
            relay = await stack.enter_async_context(lossy(own.port, chance, seed))
            relays.append(relay)
            command = [sys.executable, "-m", "tests.support.claimer"]
            url = f"redis://127.0.0.1:{relay.port}/0"
            programs.append(Program([*command, url, name, str(len(names)), str(keys)]))
        try:
            found = []
            for program in programs:
                line = await program.log.seen(r"^claimed (.*)", timeout=50)
                found.append(json.loads(line[1]))
        finally:
            for program in programs:
                program.kill()
                assert program.process.stdout is not None
                program.process.stdout.close()
    winners = [
        key
        for name, owners in zip(names, found, strict=True)
        for key in owners.items()
        if key[1] == name
    ]
    assert len(winners) == len(dict(winners)) == keys
    assert len(set(dict(winners).values())) > 1
    if chance:
        assert any(relay.lost for relay in relays)
    else:
        assert all(one == found[0] for one in found)


async def test_a_claim_whose_opener_has_gone_is_given_back(
    own: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is on its way; the next that asks gets it."""
    async with process(own.url(), A) as a, process(own.url(), B) as b:
        make_old(own)
        await claim(a, 0)
        await claim(b, 0)
        own.pause()
        opener = asyncio.ensure_future(claim(a, 1))
        await asyncio.sleep(0)  # it asks now
        await asyncio.sleep(0.1)
        opener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opener
        own.go_on()
        async with asyncio.timeout(10):
            # Nothing tells when it is given back.
            while await claim_at_last(b, 1) != Claim(B):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_ends_are_told_together(pair: tuple[Backplane, Backplane]) -> None:
    """Each script costs Redis more than what it does for one more session."""
    a, b = pair
    numbers = range(100, 150)
    for number in numbers:
        assert await claim(a, number) == Claim(A)
    calls = a.counts.directory_calls
    for number in numbers:
        a.ended(digest(number))
        await asyncio.sleep(0.001)  # they do not end in one turn
    async with asyncio.timeout(10):
        # Nothing tells when they are told.
        while a._directory.untold:  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert a.counts.directory_calls - calls <= 5  # with renewals that come just then
    for number in numbers:
        assert await claim(b, number) == Claim("", ended=True)


async def test_a_claim_that_is_on_its_way_when_a_process_leaves_is_no_fault_of_redis(
    own: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(own.url(), A) as a:
        make_old(own)
        await claim(a, 0)
        own.pause()
        waiting = asyncio.ensure_future(claim(a, 1))
        await asyncio.sleep(0.05)  # it is on its way
        leaving = asyncio.ensure_future(a.aclose())
        with pytest.raises(Unavailable):
            await waiting
        own.go_on()
        await leaving
    assert not [one for one in caplog.messages if "does not respond" in one]


async def test_released_and_ended(pair: tuple[Backplane, Backplane]) -> None:
    """A claim that became no session is anybody's; an ended one stands, and names who refused."""
    a, b = pair
    for number in (1, 2, 3):
        assert await claim(a, number) == Claim(A)
    a.release(digest(1))
    a.ended(digest(2))
    a.ended(digest(3), refused=True)
    async with asyncio.timeout(10):
        while await claim(b, 1) != Claim(B):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await claim(b, 2) == Claim("", ended=True)
    assert await claim(b, 3) == Claim(A, ended=True)
    assert b.counts.ended == 2


async def test_two_attempts_of_one_key_in_a_process_wait_for_each_other(
    pair: tuple[Backplane, Backplane],
) -> None:
    """Both hear the same."""
    a, _ = pair
    assert await asyncio.gather(*(claim(a, 1) for _ in range(5))) == [Claim(A)] * 5


async def test_two_namespaces_share_a_redis(server: RedisServer) -> None:
    """And see nothing of each other."""
    async with process(server.url(), A) as a, process(server.url(), B, namespace="other") as b:
        make_old(server)
        with server.client() as client:
            client.hset("byway:{other}:epoch", "age", 60_000)
        assert await claim(a, 1) == Claim(A)
        assert await claim(b, 1) == Claim(B)
        assert await a.processes() == [A]
        with pytest.raises(Gone):
            await b.link(A)


# Redis is taken away


async def test_a_stopped_redis_comes_back_empty(
    own: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on; openings are told to come again, and succeed by themselves. The log says it."""
    caplog.set_level(logging.WARNING, "byway.backplane")
    async with process(own.url(), A) as a, process(own.url(), B) as b:
        make_old(own)
        await claim(a, 1)
        a.ended(digest(2))
        assert await call(b, A) == b"hello"
        own.stop()
        with pytest.raises(Unavailable):
            await claim(b, 3)
        assert await call(b, A) == b"hello"
        a.ended(digest(4))
        own.replace()
        assert await claim_at_last(b, 1) == Claim(A)
        assert await claim_at_last(b, 2) == Claim("", ended=True)
        assert await claim_at_last(b, 4) == Claim("", ended=True)
        assert await claim_at_last(b, 3) == Claim(B)
        assert await call(a, B) == b"hello"
    went = [one for one in caplog.messages if "does not respond" in one]
    came = [one for one in caplog.messages if "is back, after" in one]
    assert 1 <= len(went) == len(came) <= 2  # one that asked nothing meanwhile does not notice


async def test_a_paused_redis_settles_anew(own: RedisServer) -> None:
    """For longer than the time-out; nothing is lost, and nothing is taken for dead."""
    async with process(own.url(), A) as a, process(own.url(), B) as b:
        make_old(own)
        await claim(a, 1)
        await call(b, A)
        own.pause()
        with pytest.raises(Unavailable):
            await claim(b, 2)
        await asyncio.sleep(3.0)  # what is tested is this long a pause
        own.go_on()
        assert await claim_at_last(b, 2) == Claim(B)
        assert await claim(b, 1) == Claim(A)
        assert await call(b, A) == b"hello"


async def test_an_emptied_redis_gets_everything_again(own: RedisServer) -> None:
    """A hundred thousand claims among it, in chunks, without holding Redis for long."""
    limits = ServerLimits(sessions=60_000, tombstones=60_000)
    async with process(own.url(), A, limits) as a, process(own.url(), B) as b:
        make_old(own)
        await claim(a, 0)
        directory: Any = a._directory  # type: ignore[attr-defined]
        for number in range(1, 50_000):
            directory.take_unasked(digest(number))
        for number in range(50_000, 100_000):
            directory.ended(digest(number), asyncio.get_running_loop().time())
        own.empty()
        with own.client() as client:
            client.config_resetstat()
        # The age counts only while nobody asserts: whoever is given a claim sees all the others.
        found = await claim_at_last(b, 100_000)
        assert found == Claim(B)
        assert directory.asserting == 0
        assert await claim(b, 49_999) == Claim(A)
        assert await claim(b, 99_999) == Claim("", ended=True)
        spent, calls = own.microseconds("evalsha")
    assert calls >= 200
    assert spent / calls < 50_000


async def test_a_snapshot_restart_loses_no_session(own: RedisServer) -> None:
    """It keeps its epoch and loses what was claimed since: only its run_id tells."""
    async with process(own.url(), A) as a, process(own.url(), B) as b:
        make_old(own)
        await claim(a, 1)
        own.save()
        await claim(a, 2)
        own.stop()
        own.start()
        with own.client() as client:
            assert client.exists(EPOCH)
        assert await claim_at_last(b, 2) == Claim(A)
        assert await claim_at_last(b, 1) == Claim(A)


async def test_openings_without_the_directory_where_that_is_wanted(own: RedisServer) -> None:
    """They open at once, and are claimed when it is back."""
    async with (
        process(own.url(), A, when_away="open") as a,
        process(own.url(), B) as b,
    ):
        make_old(own)
        await claim(a, 0)
        own.stop()
        assert await claim(a, 1) == Claim(A)
        with pytest.raises(Unavailable):
            await claim(b, 1)
        own.start()
        assert await claim_at_last(b, 1) == Claim(A)


async def test_redis_may_come_after_the_processes(own: RedisServer) -> None:
    """A server starts without it, refuses openings until it is there, and says so."""
    own.stop()
    async with process(own.url(), A) as a:
        with pytest.raises(Unavailable):
            await claim(a, 1)
        own.start()
        assert await claim_at_last(a, 1) == Claim(A)


# Who is gone


async def test_who_left_in_order_is_gone_at_once(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Where its record would be there if it lived; else nobody can tell."""
    caplog.set_level(logging.INFO, "byway.backplane")
    async with process(server.url(), A) as a:
        for name, age, error in ((B, 10_000, Unreachable), (C, 60_000, Gone)):
            async with process(server.url(), name):
                make_old(server, age)
                assert await call(a, name) == b"hello"
            with pytest.raises(error):
                await a.link(name)
        with pytest.raises(Gone):
            await a.link(C)
    assert [one for one in caplog.messages if "has ended" in one] == [
        f"process {C} has ended: its sessions get 410"
    ]


async def test_a_killed_owner_is_gone_after_ten_seconds_and_four_renewals(
    own: RedisServer,
) -> None:
    """Its door refuses, its lease runs; it is not said before, however often it is asked.

    And not much later: four renewals take these ten seconds, and the next look comes before the one
    after them. Time itself is not held to a bound: a machine that stalls lets both sides wait.
    """
    command = [sys.executable, "-m", "tests.support.claimer", own.url(), B, "3", "1"]
    killed = Program(command)
    try:
        async with process(own.url(), A) as a:
            make_old(own)
            async with asyncio.timeout(20):
                while B not in await a.processes():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await call_any(a, B)
            killed.kill()
            loop = asyncio.get_running_loop()
            first, beat, asked = 0.0, 0, 0
            keeps = a._directory  # type: ignore[attr-defined]
            while True:
                try:
                    await a.link(B)
                except Gone:
                    break
                except Unreachable:
                    asked += 1
                    if asked == 1:
                        first, beat = loop.time(), keeps.beat
                assert keeps.beat - beat <= RENEWALS + 2
                await asyncio.sleep(0.1)
            assert loop.time() - first >= REFUSED_FOR - 0.5
            assert keeps.beat - beat >= RENEWALS
            assert asked > 10
    finally:
        killed.kill()
        assert killed.process.stdout is not None
        killed.process.stdout.close()


async def test_who_was_refused_once_learns_by_itself_that_the_owner_is_gone(
    own: RedisServer,
) -> None:
    """So each process knows it when the clients come again, however seldom they do."""
    command = [sys.executable, "-m", "tests.support.claimer", own.url(), B, "3", "1"]
    killed = Program(command)
    try:
        async with process(own.url(), A) as a:
            make_old(own)
            async with asyncio.timeout(20):
                while B not in await a.processes():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await call_any(a, B)
            killed.kill()
            with pytest.raises(Unreachable):
                await a.link(B)
            async with asyncio.timeout(20):
                while not a.counts.gone:  # noqa: ASYNC110 - nothing tells: look again
                    await asyncio.sleep(0.05)
            calls = a.counts.directory_calls
            with pytest.raises(Gone):
                await a.link(B)
            assert a.counts.directory_calls == calls
    finally:
        killed.kill()
        assert killed.process.stdout is not None
        killed.process.stdout.close()


async def call_any(backplane: Backplane, owner: str) -> None:
    """Make a link to a process, whose calls nobody serves."""
    (await backplane.link(owner)).cut()


async def test_names_that_nobody_knows_do_not_cost_a_script_each(
    pair: tuple[Backplane, Backplane], server: RedisServer
) -> None:
    """Anybody can send them; those that live are found meanwhile."""
    a, _ = pair
    await claim(a, 1)
    before = a.counts.directory_calls

    async def ask(number: int) -> None:
        with pytest.raises((Unreachable, Gone)):
            await a.link(f"f{number:07}")

    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.gather(*(ask(number) for number in range(1000)))
    seconds = loop.time() - start
    assert a.counts.directory_calls - before <= 20 * (seconds + 2) + 5
    assert await call(a, B) == b"hello"


async def test_a_record_is_looked_up_once_for_all_who_ask(
    pair: tuple[Backplane, Backplane],
) -> None:
    """At the same moment."""
    a, _ = pair
    await claim(a, 1)
    before = a.counts.directory_calls
    links = await asyncio.gather(*(a.link(B) for _ in range(20)))
    for link in links:
        link.cut()
    assert a.counts.directory_calls - before <= 2


async def test_a_process_that_is_not_started_sees_and_calls_the_others(
    pair: tuple[Backplane, Backplane], server: RedisServer
) -> None:
    """As `byway sessions` does; it is none of them."""
    visitor = RedisBackplane(server.url()).bind(C)
    assert sorted(await visitor.processes()) == [A, B]
    assert await call(visitor, A) == b"hello"
    await visitor.aclose()
    assert sorted(await pair[0].processes()) == [A, B]


async def test_another_secret_gets_no_link(server: RedisServer) -> None:
    """Redis alone does not let a process join, where a secret is given."""
    async with (
        process(server.url(), A, secret="a" * 16) as a,
        process(server.url(), B, secret="b" * 16),
        process(server.url(), C, secret="a" * 16),
    ):
        make_old(server)
        assert await call(a, C) == b"hello"
        with pytest.raises(Unreachable):
            await a.link(B)
        with server.client() as client:
            assert not client.exists("byway:{byway}:secret")


async def test_what_it_costs_redis(pair: tuple[Backplane, Backplane], server: RedisServer) -> None:
    """At most 50 µs of its CPU for an opening, with all that reading and writing takes it."""
    a, _ = pair
    await claim(a, 0)
    best = float("inf")
    for attempt in range(5):
        numbers = range(attempt * 1000 + 1, attempt * 1000 + 1001)
        before = server.cpu()
        for start in range(0, 1000, 50):
            await asyncio.gather(*(claim(a, numbers[i]) for i in range(start, start + 50)))
        best = min(best, (server.cpu() - before) / 1000)
    assert best <= 50e-6
