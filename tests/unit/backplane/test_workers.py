"""The workers' backplane: processes that meet in a directory, real sockets, real locks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from byway.backplane import workers
from byway.backplane.base import Claim, Gone, Link, LinkLost, Unavailable, Unreachable
from byway.backplane.kinds import DATA, END
from byway.backplane.life import Life, Lock, look
from byway.backplane.marks import FileMarks
from byway.backplane.meeting import Meeting
from byway.backplane.siblings import Siblings
from byway.backplane.workers import WorkersBackplane
from byway.errors import UsageError
from byway.keys import key_hash
from byway.limits import ServerLimits
from tests.unit.backplane.others import NOBODY, in_child, kill, living

KEY = key_hash("a key that a client made")
QUICK = 0.02


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give the path of a directory that is not made yet; short, as Unix sockets want it."""
    return tmp_path / "p"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes look after their place more often."""
    monkeypatch.setattr(workers, "LOOK", QUICK)


async def echo(link: Link, payload: bytes) -> None:
    """Serve a call: send back what it began with, and what it brings, until it ends."""
    link.write(DATA, payload)
    while (frame := await link.receive())[0] != END:
        link.write(*frame)
    link.write(END)
    link.free()


@asynccontextmanager
async def joined(*many: WorkersBackplane) -> AsyncIterator[None]:
    """Let processes join, and leave at the end of the block."""
    async with AsyncExitStack() as stack:
        for one in many:
            stack.push_async_callback(one.aclose)
            await one.start(echo)
        yield


async def called(relay: WorkersBackplane, owner: str, text: bytes = b"hello") -> bytes:
    """Hand a call over, and return what comes back."""
    link = await relay.link(owner)
    await link.call(text)
    link.write(END)
    _, said = await link.receive()
    assert (await link.receive())[0] == END
    link.free()
    return said


async def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while True:  # a file says nothing when it changes: look again
            if true():
                return
            await asyncio.sleep(QUICK)


def files(place: Path) -> list[str]:
    """Return the names of what is in a directory."""
    return sorted(one.name for one in place.iterdir())


def was_cut(link: Link) -> bool:
    """Say whether a link was cut."""
    try:
        link.write(DATA, b"")
    except LinkLost:
        return True
    return False


async def test_two_processes_share_claims_and_calls(place: Path) -> None:
    """What the one has claimed the other relays to it, and both know of each other."""
    one, two = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    async with joined(one, two):
        assert not one.alone
        assert await one.processes() == sorted([one.name, two.name])
        assert one.claim(KEY) == two.claim(KEY) == Claim(one.name)
        assert await called(two, one.name) == b"hello"
        assert await called(one, two.name, b"x" * 60_000) == b"x" * 60_000
        one.ended(KEY)
        assert two.claim(KEY) == Claim("", ended=True)
        other = key_hash("another")
        two.claim(other)
        two.release(other)
        assert one.claim(other) == Claim(one.name)
    assert (one.counts.mine, two.counts.owned, two.counts.ended) == (2, 1, 1)


async def test_doors_of_tcp_work_as_well(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: the port is in a file, and claims are files."""
    monkeypatch.setattr(workers, "TCP_DOORS", True)
    monkeypatch.setattr("byway.backplane.claims.marks_for", FileMarks)
    monkeypatch.setattr("byway.backplane.sweep.marks_for", FileMarks)
    monkeypatch.setattr("byway.backplane.workers.marks_for", FileMarks)
    one, two = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    async with joined(one, two):
        assert one.claim(KEY) == two.claim(KEY) == Claim(one.name)
        assert await called(two, one.name) == b"hello"
        two._callers.forget(one.name)  # type: ignore[union-attr]
        Meeting(place).door(one.name).write_text("none")
        with pytest.raises(Unreachable, match="door"):
            await two.link(one.name)


async def test_a_process_that_left_is_gone(place: Path) -> None:
    """At once; the place stays where the user named it, and the secret with it."""
    one, two = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    async with joined(one):
        async with joined(two):
            assert await called(one, two.name) == b"hello"
        with pytest.raises(Gone):
            await one.link(two.name)
        assert await one.processes() == [one.name]
        assert one.counts.gone == 1
    assert files(place) == sorted(["claims", "secret", f"{one.name}.lock", f"{two.name}.lock"])


async def test_a_killed_process_is_gone_though_its_children_keep_its_door(place: Path) -> None:
    """A door that accepts proves no life: only the lock does."""
    WorkersBackplane(directory=place)
    name = "Killed-8"
    child = place.with_name("child")

    def serving() -> object:
        meeting = Meeting(place)
        meeting.prepare()
        lock = Lock(meeting.lock(name))
        lock.take()
        import socket

        door = socket.socket(socket.AF_UNIX)
        door.bind(str(meeting.door(name)))
        door.listen()
        if not (pid := os.fork()):
            signal.pause()
        child.write_text(str(pid))
        return lock, door

    with living(serving) as pid:
        one = WorkersBackplane(directory=place, limits=ServerLimits(link_time=0.2))
        try:
            async with joined(one):
                with pytest.raises(Unreachable):
                    await one.link(name)
                kill(pid)
                with pytest.raises(Gone):
                    await one.link(name)
        finally:
            os.kill(int(child.read_text()), signal.SIGKILL)


@pytest.mark.usefixtures("quick")
async def test_links_in_use_are_cut_when_their_owner_is_dead(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever keeps its socket open: here the test does, for a process whose lock is let go."""
    one, two = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    async with joined(one, two):
        link = await two.link(one.name)
        await link.call(b"hello")
        assert one._lock is not None
        one._watching.cancel()  # type: ignore[union-attr]  # it would take the lock again
        one._lock.let_go()
        await until(lambda: was_cut(link))
        with pytest.raises(Gone):
            await two.link(one.name)
    assert f"process {one.name} has ended" in caplog.text


async def test_a_missing_lock_proves_no_death(place: Path) -> None:
    """Until it has been missing for a window, in which its owner would have made it anew."""
    one = WorkersBackplane(directory=place, limits=ServerLimits(window=0.3))
    async with joined(one):
        with pytest.raises(Unreachable, match="not known"):
            await one.link("unknown1")

        async def until_it_is_sure() -> None:
            while True:
                with contextlib.suppress(Unreachable):
                    await one.link("unknown1")
                await asyncio.sleep(0.05)

        with pytest.raises(Gone):
            await until_it_is_sure()
        with pytest.raises(Unreachable, match="not known"):
            await one.link("unknown2")


async def test_names_that_are_missed_are_bounded(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask for names that nobody has."""
    monkeypatch.setattr("byway.backplane.owners.MISSED", 10)
    one = WorkersBackplane(directory=place)
    async with joined(one):
        for number in range(50):
            with pytest.raises(Unreachable):
                await one.link(f"unknown{number:02}"[-8:])
        assert one._owners is not None
        assert len(one._owners._missing) == 10


@pytest.mark.parametrize("name", ["../../ab", "", "x" * 80, "A-_4567\n"])
async def test_what_is_no_name_reaches_no_path(place: Path, name: str) -> None:
    """It comes from clients."""
    one = WorkersBackplane(directory=place)
    async with joined(one):
        for asked in (name, one.name):
            with pytest.raises(Unreachable):
                await one.link(asked)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("what", ["lock", "sock", "claims", "secret", "all"])
async def test_what_is_cleaned_away_is_made_anew(place: Path, what: str) -> None:
    """Session managers do that; claims that stood come back, and links work on."""
    one, two = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    async with joined(one, two):
        one.claim(KEY)
        if what == "all":
            shutil.rmtree(place)
        elif what == "claims":
            shutil.rmtree(place / what)
        else:
            for name in files(place):
                if name.endswith(what):
                    os.unlink(place / name)
        names = sorted([one.name, two.name])
        meeting = Meeting(place)
        await until(
            lambda: (
                all(
                    look(meeting.lock(name)) is Life.LIVES and meeting.door(name).is_socket()
                    for name in names
                )
                and (place / "secret").exists()
                and list((place / "claims").glob("*"))
            )
        )
        assert two.claim(KEY) == Claim(one.name)
        assert await called(two, one.name) == b"hello"
        three = WorkersBackplane(directory=place)
        async with joined(three):
            assert three.claim(KEY) == Claim(one.name)
            await until(lambda: len(one._secrets) == 1 or one._secrets[0] == three._secrets[0])
            assert await called(three, one.name) == b"hello"
            assert await called(one, three.name) == b"hello"


@pytest.mark.usefixtures("quick")
async def test_a_secret_made_meanwhile_is_learnt(place: Path) -> None:
    """A process that joined just when the file was removed has made another one."""
    one = WorkersBackplane(directory=place)
    async with joined(one):
        (place / "secret").unlink()
        three = WorkersBackplane(directory=place)
        async with joined(three):
            await until(lambda: one._secrets[0] == three._secrets[0])
            assert await called(three, one.name) == b"hello"
            assert await called(one, three.name) == b"hello"


async def test_siblings_find_a_place_and_the_last_empties_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is configured, and little is left: that these processes have ended."""
    monkeypatch.setattr(workers, "siblings", lambda: Siblings("byway-1", b"s" * 32))
    monkeypatch.setattr(workers, "bases", lambda: [tmp_path / "missing", tmp_path])
    one, two = WorkersBackplane(), WorkersBackplane()
    assert workers.has_siblings()
    async with joined(one):
        async with joined(two):
            assert one.place == two.place == tmp_path / "byway-1"
            assert one.claim(KEY) == two.claim(KEY) == Claim(one.name)
            assert await called(two, one.name) == b"hello"
            kept = tmp_path / "byway-1" / "secret"  # for `byway sessions`, no sibling of theirs
            assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"s" * 32, 0o600)
        assert one.claim(KEY) == Claim(one.name)
        assert files(tmp_path / "byway-1" / "claims")
    assert files(tmp_path / "byway-1") == sorted(["claims", f"{one.name}.lock", f"{two.name}.lock"])
    assert not files(tmp_path / "byway-1" / "claims")


@pytest.mark.parametrize("place", ["byway-1", "byway-2"])
async def test_who_serves_next_knows_that_those_before_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A worker in the place of the only one, or the server that was started again."""
    monkeypatch.setattr(workers, "siblings", lambda: Siblings("byway-1", b"s" * 32))
    monkeypatch.setattr(workers, "bases", lambda: [tmp_path])
    one = WorkersBackplane()
    async with joined(one):
        pass
    monkeypatch.setattr(workers, "siblings", lambda: Siblings(place, b"s" * 32))
    two = WorkersBackplane()
    async with joined(two):
        with pytest.raises(Gone):
            await two.link(one.name)
        with pytest.raises(Unreachable):
            await two.link("unknown1")


async def test_without_a_place_each_serves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the places, with the reasons, and what to do; nothing else changes."""
    (tmp_path / "byway-1").mkdir(mode=0o755)
    monkeypatch.setattr(workers, "siblings", lambda: Siblings("byway-1", b"s" * 32))
    monkeypatch.setattr(workers, "bases", lambda: [tmp_path / "missing", tmp_path])
    one = WorkersBackplane()
    async with joined(one):
        assert one.alone
        assert one.claim(KEY) == Claim(one.name)
        one.ended(KEY)
        one.release(KEY)
        assert await one.processes() == [one.name]
        with pytest.raises(Unreachable):
            await one.link("another1")
    [record] = caplog.records
    assert record.levelname == "WARNING"
    for said in ("missing/byway-1", "chmod 700", "backplane='unix:DIR'"):
        assert said in record.getMessage()


async def test_a_directory_that_cannot_be_used_is_an_error(place: Path) -> None:
    """Where the user named it, nobody goes on without."""
    os.mkdir(place, 0o755)
    one = WorkersBackplane(directory=place)
    with pytest.raises(UsageError, match="chmod 700"):
        await one.start(echo)
    assert files(place) in ([], ["claims"])
    await one.aclose()


async def test_a_door_that_cannot_be_made_is_an_error(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have no sockets; nothing is left open."""

    async def none(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("byway.backplane.door.Door.listen_unix", none)
    one = WorkersBackplane(directory=place)
    with pytest.raises(UsageError, match="not supported"):
        await one.start(echo)
    assert look(Meeting(place).lock(one.name)) is Life.ENDED


async def test_who_only_asks_does_not_join(place: Path) -> None:
    """As `byway sessions` does: it knows the processes, and has links to them."""
    one, asks = WorkersBackplane(directory=place), WorkersBackplane(directory=place)
    with pytest.raises(Unavailable):
        await asks.processes()
    async with joined(one):
        assert await asks.processes() == [one.name]
        assert await called(asks, one.name) == b"hello"
        assert not Meeting(place).lock(asks.name).exists()
        with pytest.raises(Unavailable):
            asks.claim(KEY)
        await asks.aclose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user, too")
async def test_another_user_cannot_join(place: Path) -> None:
    """Nor ask anything, nor connect."""
    for parent in (place.parent, *place.parents):
        if str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    one = WorkersBackplane(directory=place)

    def join() -> str:
        async def joining() -> None:
            async with joined(WorkersBackplane(directory=place)):
                pass

        asyncio.new_event_loop().run_until_complete(joining())
        return "it could"

    def ask() -> str:
        async def asking() -> list[str]:
            return await WorkersBackplane(directory=place).processes()

        return str(asyncio.new_event_loop().run_until_complete(asking()))

    async with joined(one):
        assert in_child(join, uid=NOBODY) == "UsageError"
        assert in_child(ask, uid=NOBODY) == "Unavailable"
        assert await one.processes() == [one.name]
