"""The door and its callers, over real sockets: who gets in, how many, and what becomes of calls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trustme

from byway import ServerLimits, UsageError
from byway.backplane import Counts, Link, LinkLost, ServeCall, ServeRequest, Tell, Unreachable
from byway.backplane.callers import DIALS, LONGEST_PATH, Address, Callers, NotListening
from byway.backplane.door import Door
from byway.backplane.entrance import Entrance
from byway.backplane.kinds import ASK, BODY, CALL, DATA, END, GREET, MORE, PROVE, START, TELL
from byway.backplane.proof import GREETING
from byway.backplane.wire import HEAD, encode
from tests.support.tls import Authority
from tests.unit.backplane.pair import everything

SECRET = b"s" * 32
OWNER = "owner-01"
RELAY = "relay-01"


def secrets() -> list[bytes]:
    return [SECRET]


async def echo(link: Link, payload: bytes) -> None:
    """Send back what CALL says and what comes, and end when the other end does."""
    link.write(DATA, payload)
    while True:
        kind, payload = await link.receive()
        if kind == END:
            break
        link.write(DATA, payload)
        if link.full:
            await link.flush()
    link.write(END)
    link.free()


@asynccontextmanager
async def opened(
    path: Path,
    serve: ServeCall = echo,
    *,
    limits: ServerLimits | None = None,
    tell: Tell | None = None,
    serve_request: ServeRequest | None = None,
    counts: Counts | None = None,
) -> AsyncIterator[Door]:
    door = Door(
        OWNER,
        secrets,
        serve,
        limits=limits,
        tell=tell,
        serve_request=serve_request,
        counts=counts,
    )
    await door.listen_unix(str(path / "door"))
    try:
        yield door
    finally:
        await door.aclose()


@asynccontextmanager
async def calling(name: str = RELAY, **options: Any) -> AsyncIterator[Callers]:
    callers = Callers(name, options.pop("secrets", secrets), **options)
    try:
        yield callers
    finally:
        await callers.aclose()


async def one_call(callers: Callers, address: Address, what: bytes = b"hello") -> None:
    link = await callers.link(OWNER, address)
    await link.call(b"call")
    link.write(BODY, what)
    link.write(END)
    assert await link.receive() == (DATA, b"call")
    assert await link.receive() == (DATA, what)
    assert await link.receive() == (END, b"")
    link.free()


async def test_calls_go_over_one_connection_one_after_another(tmp_path: Path) -> None:
    there, here = Counts(), Counts()
    async with opened(tmp_path, counts=there), calling(counts=here) as callers:
        for _ in range(5):
            await one_call(callers, str(tmp_path / "door"))
        assert (there.links, here.links) == (1, 1)
    assert (there.links, here.links) == (0, 0)
    assert not (tmp_path / "door").exists()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what this loop does by itself; the test's own limit bounds it."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def ended(reader: asyncio.StreamReader) -> None:
    """Read until the other end closes."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass


async def test_one_link_too_many(tmp_path: Path) -> None:
    """A door has `links`, and refuses one more; so does the other side."""
    address = str(tmp_path / "door")
    async with (
        opened(tmp_path, limits=ServerLimits(links=2)),
        calling() as one,
        calling("another1") as two,
    ):
        first = await one.link(OWNER, address)
        await two.link(OWNER, address)
        with pytest.raises(Unreachable):
            await two.link(OWNER, address)
        first.cut()
        await one_call(one, address)
    async with opened(tmp_path), calling(limits=ServerLimits(links=1)) as one:
        first = await one.link(OWNER, address)
        with pytest.raises(Unreachable, match=r"Limits\.links"):
            await one.link(OWNER, address)
        first.cut()
        await one_call(one, address)


async def test_one_process_does_not_take_the_links_of_another(tmp_path: Path) -> None:
    limits = ServerLimits(links_per_process=1)
    async with opened(tmp_path, limits=limits), calling() as one, calling("another1") as two:
        address = str(tmp_path / "door")
        await one.link(OWNER, address)
        with pytest.raises(Unreachable):
            await one.link(OWNER, address)
        await one_call(two, address)


async def test_of_connections_that_prove_nothing_the_oldest_is_ended(tmp_path: Path) -> None:
    limits = ServerLimits(unproven_links=2, link_time=1000)  # so that it is not time that ends them
    async with opened(tmp_path, limits=limits), calling() as callers:
        address = str(tmp_path / "door")
        silent = [await asyncio.open_unix_connection(address) for _ in range(3)]
        await ended(silent[0][0])
        await one_call(callers, address)  # in the place of the second
        await ended(silent[1][0])
        assert await silent[2][0].readexactly(1)
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()


async def test_a_connection_that_proves_nothing_is_ended_in_time(tmp_path: Path) -> None:
    """On both ends: a door that is silent, and one who knocks and is."""
    address = str(tmp_path / "door")
    limits = ServerLimits(link_time=0.05)
    async with opened(tmp_path, limits=limits):
        reader, writer = await asyncio.open_unix_connection(address)
        await ended(reader)
        writer.close()
        await writer.wait_closed()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(address)
        mute.listen()
        async with calling(limits=limits) as callers:
            with pytest.raises(Unreachable, match="did not prove itself in 0.05 s"):
                await callers.link(OWNER, address)


async def test_links_that_carry_nothing_are_bounded(tmp_path: Path) -> None:
    counts = Counts()
    async with (
        opened(tmp_path, counts=counts),
        calling(limits=ServerLimits(idle_links=2)) as callers,
    ):
        address = str(tmp_path / "door")
        await asyncio.gather(*(one_call(callers, address) for _ in range(5)))
        await until(lambda: counts.links == 2)


async def test_a_link_that_carries_nothing_is_closed_after_a_while(tmp_path: Path) -> None:
    there, here = Counts(), Counts()
    limits = ServerLimits(idle_link_time=0.01, link_silence=0.06)
    async with opened(tmp_path, counts=there), calling(limits=limits, counts=here) as callers:
        await one_call(callers, str(tmp_path / "door"))
        await until(lambda: not there.links and not here.links)
        await one_call(callers, str(tmp_path / "door"))


# Who gets in.


class Stranger:
    """Somebody at the door who speaks frames, and nothing else of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> tuple[int, bytes]:
        """Return the next frame.

        Raises:
            IncompleteReadError: there is none any more.
        """
        kind, length = HEAD.unpack(await self._reader.readexactly(HEAD.size))
        return kind, await self._reader.readexactly(length)

    def send(self, *said: bytes) -> None:
        self._writer.write(b"".join(said))

    async def gets_nothing(self) -> None:
        """Wait until the connection is closed, and see that nothing came before."""
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)) as ended:
            await self.read()
        assert not getattr(ended.value, "partial", b"")


@asynccontextmanager
async def stranger(address: str) -> AsyncIterator[Stranger]:
    reader, writer = await asyncio.open_unix_connection(address)
    try:
        yield Stranger(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def test_without_the_secret_nobody_gets_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says so once a minute, without a word of the secret."""
    address = str(tmp_path / "door")
    served = []

    async def serve(link: Link, payload: bytes) -> None:
        served.append(payload)

    async with opened(tmp_path, serve), calling(secrets=lambda: [b"another secret 0"]) as thief:
        for _ in range(3):
            with pytest.raises(Unreachable):
                await thief.link(OWNER, address)
    assert not served
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "process relay-01 has not the same secret" in line.getMessage()
    assert "is the secret the same in all processes?" in line.getMessage()
    assert "another secret" not in caplog.text
    assert SECRET.decode() not in caplog.text


async def test_a_secret_may_be_replaced_while_links_are_there(tmp_path: Path) -> None:
    valid = [SECRET]
    address = str(tmp_path / "door")
    door = Door(OWNER, lambda: valid, echo)
    await door.listen_unix(address)
    async with calling() as before, calling(secrets=lambda: [b"n" * 32]) as after:
        with pytest.raises(Unreachable):
            await after.link(OWNER, address)
        valid[:] = [b"n" * 32, SECRET]
        await one_call(before, address)
        await one_call(after, address)
        valid[:] = [b"n" * 32]
        await one_call(before, address)  # over the link that it has
        before.forget(OWNER)
        with pytest.raises(Unreachable):
            await before.link(OWNER, address)
    await door.aclose()


async def test_another_process_at_the_address_is_given_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path), calling() as callers:
        with pytest.raises(Unreachable, match="process owner-01 is there") as raised:
            await callers.link("another1", str(tmp_path / "door"))
        assert not isinstance(raised.value, NotListening)


async def test_a_proof_that_was_overheard_opens_nothing(tmp_path: Path) -> None:
    """All that a process said to prove itself is said again, word for word."""
    address = str(tmp_path / "door")
    heard: list[bytes] = []

    async def eavesdrop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, door = await asyncio.open_unix_connection(address)

        async def carry(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            while data := await one.read(4096):
                if one is reader:
                    heard.append(data)
                other.write(data)
            other.close()

        await asyncio.gather(carry(reader, door), carry(there, writer))

    async with opened(tmp_path), calling() as callers:
        middle = await asyncio.start_unix_server(eavesdrop, str(tmp_path / "middle"))
        await one_call(callers, str(tmp_path / "middle"))
        callers.forget(OWNER)
        async with stranger(address) as thief:
            assert (await thief.read())[0] == GREET
            thief.send(*heard)
            await thief.gets_nothing()
        async with stranger(address) as mirror:
            kind, greeting = await mirror.read()
            mirror.send(encode(kind, greeting))  # the door meets itself
            await mirror.gets_nothing()
        middle.close()
        await middle.wait_closed()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        encode(CALL, b"{}"),
        encode(GREET, b"{}"),
        encode(PROVE, bytes(32)),
        HEAD.pack(GREET, GREETING + 1),
        HEAD.pack(MORE, 65536) + bytes(65536),
        b"\x00" * 5,
    ],
)
async def test_whoever_says_anything_else_at_the_door_is_sent_away(
    tmp_path: Path, said: bytes
) -> None:
    async with opened(tmp_path), calling() as callers:
        async with stranger(str(tmp_path / "door")) as one:
            assert (await one.read())[0] == GREET
            one.send(said)
            await one.gets_nothing()
        await one_call(callers, str(tmp_path / "door"))


async def test_versions_without_one_in_common_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def newer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b'{"name":"owner-01","versions":[98,99],"random":"' + b"0" * 32 + b'"}'
        writer.write(encode(GREET, said))
        await ended(reader)
        writer.close()

    server = await asyncio.start_unix_server(newer, str(tmp_path / "door"))
    async with calling() as callers:
        for _ in range(3):
            with pytest.raises(Unreachable, match=r"speaks versions \[98, 99\] of links"):
                await callers.link(OWNER, str(tmp_path / "door"))
    server.close()
    await server.wait_closed()
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "upgrade the older one" in line.getMessage()


BECOME_NOBODY = "import os, socket\nos.setgroups([])\nos.setgid(65534)\nos.setuid(65534)\n"


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another user"
)
async def test_another_user_of_the_machine_can_neither_join_nor_stand_in() -> None:
    """Not even where the modes of directory and socket were opened by mistake."""
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = Path(folder)
        async with opened(path), calling() as callers:
            os.chmod(path / "door", 0o777)
            knocks = (
                BECOME_NOBODY + "s = socket.socket(socket.AF_UNIX)\n"
                f"s.connect({str(path / 'door')!r})\n"
                "try: print(len(s.recv(1000)))\n"
                "except ConnectionError: print(0)\n"
            )
            assert await as_nobody(knocks) == "0"
            await one_call(callers, str(path / "door"))
        stands_in = (
            BECOME_NOBODY + "s = socket.socket(socket.AF_UNIX)\n"
            f"s.bind({str(path / 'false')!r})\n"
            f"os.chmod({str(path / 'false')!r}, 0o777)\n"
            "s.listen()\n"
            "print(flush=True)\n"
            "try: print(len(s.accept()[0].recv(1000)))\n"
            "except ConnectionError: print(0)\n"
        )
        false = await asyncio.create_subprocess_exec(
            sys.executable, "-c", stands_in, stdout=asyncio.subprocess.PIPE
        )
        assert false.stdout is not None
        await false.stdout.readline()
        async with calling() as callers:
            with pytest.raises(Unreachable, match="another user of this machine"):
                await callers.link(OWNER, str(path / "false"))
        assert (await false.communicate())[0].strip() == b"0"


async def as_nobody(program: str) -> str:
    """Run a program as a user who owns nothing here, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    return (await process.communicate())[0].decode().strip()


# Where nobody is.


async def test_an_address_where_nobody_listens_is_told_from_others(tmp_path: Path) -> None:
    left = tmp_path / "left behind"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
        dead.listen()
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    (tmp_path / "file").write_text("")
    async with calling() as callers:
        for address in (str(tmp_path / "none"), str(left), ("127.0.0.1", free)):
            with pytest.raises(NotListening, match="process owner-01"):
                await callers.link(OWNER, address)
        below, long = str(tmp_path / "file" / "below"), "x" * (LONGEST_PATH + 1)
        for other in (below, long, ("no.such.host.invalid", 1)):
            with pytest.raises(Unreachable) as raised:
                await callers.link(OWNER, other)
            assert not isinstance(raised.value, NotListening)


async def test_a_process_that_accepts_nothing_any_more_is_not_taken_for_dead(
    tmp_path: Path,
) -> None:
    """Its kernel's queue is full, so connections are refused in a way that only looks final."""
    address = str(tmp_path / "door")
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(address)
        stopped.listen(0)
        waiting = []
        for _ in range(2):
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        async with calling(limits=ServerLimits(link_time=0.2)) as callers:
            for _ in range(2):
                with pytest.raises(Unreachable) as raised:
                    await callers.link(OWNER, address)
                assert not isinstance(raised.value, NotListening)
        for one in waiting:
            one.close()


async def test_however_many_wait_for_a_process_that_is_stopped_all_learn_it_in_time(
    tmp_path: Path,
) -> None:
    """Some dial and the others wait for their turn: all of them have `link_time`."""
    address = str(tmp_path / "door")
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(address)
        stopped.listen(100)
        async with calling(limits=ServerLimits(link_time=0.2)) as callers:
            async with asyncio.timeout(10):  # one after the other they would take longer
                waiting = [callers.link(OWNER, address) for _ in range(DIALS * 100)]
                results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(type(one) is Unreachable for one in results)
        stopped.setblocking(False)
        dialled = 0
        try:
            while True:
                stopped.accept()[0].close()
                dialled += 1
        except BlockingIOError:
            pass
        assert DIALS <= dialled < 10 * DIALS


# TCP, and TLS.


async def test_a_door_takes_the_first_port_that_is_free(tmp_path: Path) -> None:
    async with opened(tmp_path) as door, calling() as callers:
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            socket.create_server(("127.0.0.1", 0)) as server,
        ):
            used, free = taken.getsockname()[1], server.getsockname()[1]
            server.close()
            assert await door.listen_tcp("127.0.0.1", [used, free]) == free
            with pytest.raises(UsageError, match="give a wider range"):
                await door.listen_tcp("127.0.0.1", [used, free])
        await one_call(callers, ("127.0.0.1", free), b"x" * 1_000_000)
        with pytest.raises(OSError, match="assign|could not bind"):
            await door.listen_tcp("192.0.2.1")


def local_addresses() -> list[str]:
    """Return the addresses of this machine's loopback, of each family that it has."""
    found = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.bind((address, 0))
            found.append(address)
    return found


async def test_an_entrance_that_is_advertised_is_reached_by_ipv6_and_ipv4(tmp_path: Path) -> None:
    """A name may stand for either, or both."""

    async def own_address() -> str:
        raise AssertionError("it is not asked for")

    for advertise in ("chat-1.internal", "2001:db8::1", "192.0.2.1"):
        async with opened(tmp_path) as door, calling() as callers:
            entrance = Entrance(advertise, [0], None)
            await entrance.open(door, own_address)
            assert entrance.host == advertise
            for address in local_addresses():
                await one_call(callers, (address, entrance.port))
                callers.forget(OWNER)
            with pytest.raises(UsageError, match="give a wider range"):
                await door.listen_tcp("", [entrance.port])


async def test_links_within_tls(tmp_path: Path) -> None:
    authority, foreign = Authority(tmp_path), trustme.CA()
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(authority.certificate_file, authority.key_file)
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    foreign.configure_trust(stranger)
    counts = Counts()
    async with opened(tmp_path, counts=counts) as door:
        port = await door.listen_tcp("127.0.0.1", tls=settings)
        async with calling(tls=authority.context()) as callers:
            for _ in range(3):
                await one_call(callers, ("127.0.0.1", port), b"x" * 1_000_000)
            assert counts.links == 1
        async with calling(tls=stranger) as callers:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await callers.link(OWNER, ("127.0.0.1", port))
        async with calling(limits=ServerLimits(link_time=0.2)) as callers:
            with pytest.raises(Unreachable):
                await callers.link(OWNER, ("127.0.0.1", port))
        await until(lambda: not counts.links)


# What becomes of calls.


async def test_many_calls_at_once_do_not_mix(tmp_path: Path) -> None:
    counts = Counts()
    async with opened(tmp_path), calling(counts=counts) as callers:
        for _ in range(3):
            await asyncio.gather(
                *(one_call(callers, str(tmp_path / "door"), b"%d" % at) for at in range(100))
            )
        assert counts.links <= ServerLimits().idle_links


async def test_a_call_that_fails_is_logged_and_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(link: Link, payload: bytes) -> None:
        raise RuntimeError("for the test")

    async with opened(tmp_path, fails), calling() as callers:
        link = await callers.link(OWNER, str(tmp_path / "door"))
        await link.call(b"")
        with pytest.raises(LinkLost):
            await link.receive()
    assert "a call of process relay-01 failed" in caplog.text


async def test_a_call_that_returns_before_its_end_is_cut(tmp_path: Path) -> None:
    async def forgets(link: Link, payload: bytes) -> None:
        link.write(DATA, b"half")

    async with opened(tmp_path, forgets), calling() as callers:
        link = await callers.link(OWNER, str(tmp_path / "door"))
        await link.call(b"")
        assert await everything(link) in ([], [(DATA, b"half")])


async def test_what_is_asked_is_told_by_whoever_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(question: bytes) -> bytes:
        raise RuntimeError("for the test")

    address = str(tmp_path / "door")
    async with opened(tmp_path, tell=lambda question: b"told " + question), calling() as callers:
        link = await callers.link(OWNER, address)
        link.write(ASK, b"this")
        assert await link.receive() == (TELL, b"told this")
        link.free()
        await one_call(callers, address)
    for tell in (None, fails):
        async with opened(tmp_path, tell=tell), calling() as callers:
            link = await callers.link(OWNER, address)
            link.write(ASK)
            with pytest.raises(LinkLost):
                await link.receive()
    assert "what process relay-01 asks could not be told" in caplog.text


async def test_a_link_that_was_kept_and_lost_is_not_given_out(tmp_path: Path) -> None:
    address = str(tmp_path / "door")
    counts = Counts()
    async with calling(counts=counts) as callers:
        for _ in range(2):  # the owner's door is opened anew in between
            async with opened(tmp_path):
                await one_call(callers, address)
            await until(lambda: not counts.links)
        with pytest.raises(NotListening):
            await callers.link(OWNER, address)


async def test_at_the_bound_a_link_that_carries_nothing_makes_room(tmp_path: Path) -> None:
    second = Door("owner-02", secrets, echo)
    await second.listen_unix(str(tmp_path / "second"))
    async with opened(tmp_path), calling(limits=ServerLimits(links=1)) as callers:
        await one_call(callers, str(tmp_path / "door"))
        link = await callers.link("owner-02", str(tmp_path / "second"))
        link.cut()
    await second.aclose()


async def test_whoever_dials_may_be_cancelled(tmp_path: Path) -> None:
    """At any moment: no socket and no link is left over."""
    there, here = Counts(), Counts()
    async with opened(tmp_path, counts=there), calling(counts=here) as callers:
        for turns in range(30):
            task = asyncio.create_task(callers.link(OWNER, str(tmp_path / "door")))
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                (await task).cut()
            task.cancel()
            await asyncio.wait([task])
        await until(lambda: not here.links and not there.links)
        assert not callers._dialled
        assert not callers._turns


# The end.


async def test_a_door_that_is_shut_lets_the_links_go_on(tmp_path: Path) -> None:
    address = str(tmp_path / "door")
    async with opened(tmp_path) as door, calling() as callers, calling("another1") as late:
        await one_call(callers, address)
        door.shut()
        await one_call(callers, address)
        with pytest.raises(NotListening):
            await late.link(OWNER, address)
        await door.listen_unix(address)
        await one_call(late, address)
        os.unlink(address)  # as sweepers of temporary files do
        await door.listen_unix(address)
        await one_call(late, address)


async def test_a_process_that_leaves_ends_its_calls_and_says_the_last_words(
    tmp_path: Path,
) -> None:
    started, over = asyncio.Event(), asyncio.Event()

    async def serve(link: Link, payload: bytes) -> None:
        link.write(START, b"last words")
        started.set()
        with pytest.raises(LinkLost):
            await link.receive()
        over.set()

    async with calling() as callers:
        async with opened(tmp_path, serve) as door:
            link = await callers.link(OWNER, str(tmp_path / "door"))
            await link.call(b"")
            await started.wait()
            await door.aclose()
            assert over.is_set()
        assert await link.receive() == (START, b"last words")
        with pytest.raises(LinkLost):
            await link.receive()


async def test_a_call_that_does_not_end_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("byway.backplane.door.LEAVING", 0.05)
    cancelled = asyncio.Event()

    async def serve(link: Link, payload: bytes) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with calling() as callers, opened(tmp_path, serve) as door:
        link = await callers.link(OWNER, str(tmp_path / "door"))
        await link.call(b"")
        await door.aclose()
        assert cancelled.is_set()


async def test_whoever_has_left_makes_no_links(tmp_path: Path) -> None:
    async with opened(tmp_path), calling() as callers:
        address = str(tmp_path / "door")
        link = await callers.link(OWNER, address)
        dialling = asyncio.create_task(callers.link(OWNER, address))
        await asyncio.sleep(0)
        await callers.aclose()
        for wanted in (dialling, callers.link(OWNER, address)):
            with pytest.raises(Unreachable, match="leaves"):
                await wanted
        with pytest.raises(LinkLost):
            await link.receive()
