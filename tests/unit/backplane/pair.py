"""Two ends of a link, joined by a real pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from byway import ServerLimits
from byway.backplane.base import BackplaneError, Link, LinkLost
from byway.backplane.calls import OneCall
from byway.backplane.connection import Connection
from byway.backplane.pipe import BUFFER, leave
from byway.backplane.proof import VERSIONS, Proof

SECRET = b"s" * 32
OWNER = "owner-01"
RELAY = "relay-01"


class End:
    """One end, which keeps what its connection says.

    Attributes:
        connection: the connection.
        calls: links of calls that came, with their kinds and payloads.
        error: why it has ended.
    """

    def __init__(self, proof: Proof, limits: ServerLimits | None = None) -> None:
        """Be unconnected."""
        self.limits = limits or ServerLimits()
        self.space = memoryview(bytearray(BUFFER))
        self.calls: asyncio.Queue[tuple[OneCall, int, bytes]] = asyncio.Queue()
        self.is_proven = asyncio.Event()
        self.has_ended = asyncio.Event()
        self.frees = 0
        self.error: BackplaneError | None = None
        self.connection = Connection(self, proof)

    def made(self) -> Connection:
        """Return the connection, for asyncio."""
        return self.connection

    def proven(self, connection: Connection) -> None:
        self.is_proven.set()

    def called(self, link: OneCall, kind: int, payload: bytes) -> None:
        self.calls.put_nowait((link, kind, payload))

    def freed(self, connection: Connection) -> None:
        self.frees += 1

    def lost(self, connection: Connection, error: BackplaneError) -> None:
        self.error = error
        self.has_ended.set()

    async def served(self) -> tuple[OneCall, bytes]:
        """Return the next call that comes."""
        link, _, payload = await self.calls.get()
        return link, payload


def secrets() -> list[bytes]:
    return [SECRET]


@asynccontextmanager
async def joined(
    limits: ServerLimits | None = None, versions: Sequence[int] = VERSIONS
) -> AsyncIterator[tuple[End, End]]:
    """Return the end that calls and the end that is called, proven.

    Args:
        limits: of both.
        versions: of links that the end which calls speaks.
    """
    loop = asyncio.get_running_loop()
    relay = End(Proof(RELAY, secrets, expected=OWNER, versions=versions), limits)
    owner = End(Proof(OWNER, secrets), limits)
    for end, sock in zip((relay, owner), socket.socketpair(), strict=True):
        sock.setblocking(False)
        await loop.create_connection(end.made, sock=sock)
    await relay.is_proven.wait()
    await owner.is_proven.wait()
    try:
        yield relay, owner
    finally:
        await leave([relay.connection, owner.connection])


@asynccontextmanager
async def calling(limits: ServerLimits | None = None) -> AsyncIterator[tuple[OneCall, OneCall]]:
    """Return both ends of a call that has begun: the one that called first."""
    async with joined(limits) as (relay, owner):
        link = relay.connection.carry()
        await link.call(b"call")
        served, _ = await owner.served()
        yield link, served


async def everything(link: Link) -> list[tuple[int, bytes]]:
    """Receive until the link is lost."""
    frames = []
    try:
        while True:
            frames.append(await link.receive())
    except LinkLost:
        return frames
