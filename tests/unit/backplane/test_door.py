"""The door and its callers, over real sockets: who gets in, how many, and what becomes of calls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from byway import Limits
from byway.backplane import Counts, Link, ServeCall, Tell, Unreachable
from byway.backplane.callers import Address, Callers
from byway.backplane.door import Door
from byway.backplane.kinds import BODY, DATA, END

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
    limits: Limits | None = None,
    tell: Tell | None = None,
    counts: Counts | None = None,
) -> AsyncIterator[Door]:
    door = Door(OWNER, secrets, serve, limits=limits, tell=tell, counts=counts)
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
        opened(tmp_path, limits=Limits(links=2)),
        calling() as one,
        calling("another1") as two,
    ):
        first = await one.link(OWNER, address)
        await two.link(OWNER, address)
        with pytest.raises(Unreachable):
            await two.link(OWNER, address)
        first.cut()
        await one_call(one, address)
    async with opened(tmp_path), calling(limits=Limits(links=1)) as one:
        first = await one.link(OWNER, address)
        with pytest.raises(Unreachable, match=r"Limits\.links"):
            await one.link(OWNER, address)
        first.cut()
        await one_call(one, address)


async def test_one_process_does_not_take_the_links_of_another(tmp_path: Path) -> None:
    limits = Limits(links_per_process=1)
    async with opened(tmp_path, limits=limits), calling() as one, calling("another1") as two:
        address = str(tmp_path / "door")
        await one.link(OWNER, address)
        with pytest.raises(Unreachable):
            await one.link(OWNER, address)
        await one_call(two, address)


async def test_of_connections_that_prove_nothing_the_oldest_is_ended(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(unproven_links=2)), calling() as callers:
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
    limits = Limits(link_time=0.05)
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
    async with opened(tmp_path, counts=counts), calling(limits=Limits(idle_links=2)) as callers:
        address = str(tmp_path / "door")
        await asyncio.gather(*(one_call(callers, address) for _ in range(5)))
        await until(lambda: counts.links == 2)


async def test_a_link_that_carries_nothing_is_closed_after_a_while(tmp_path: Path) -> None:
    there, here = Counts(), Counts()
    limits = Limits(idle_link_time=0.01, link_silence=0.06)
    async with opened(tmp_path, counts=there), calling(limits=limits, counts=here) as callers:
        await one_call(callers, str(tmp_path / "door"))
        await until(lambda: not there.links and not here.links)
        await one_call(callers, str(tmp_path / "door"))
