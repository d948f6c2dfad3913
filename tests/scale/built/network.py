"""The network between processes: connections with delays and cuts, under asyncio's interface.

Knows: asyncio's transports and protocols, addresses.
Must not know: what is said.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from tests.scale.built.loop import ProcessLoop
from tests.scale.life import Living
from tests.scale.world import World

Accept = Callable[[], asyncio.BaseProtocol]
FOREVER = 3600.0


Address = str | tuple[str, int]
"""The path of a Unix socket, or host and port."""


class Network:
    """The doors of all processes."""

    def __init__(self, world: World) -> None:
        """Be empty."""
        self.world = world
        self.doors: dict[Address, tuple[NetworkLoop, Accept, Server]] = {}


class Server:
    """What asyncio returns for a door."""

    def __init__(self, network: Network, address: Address, loop: NetworkLoop, accept: Accept):
        """Be open."""
        network.doors[address] = (loop, accept, self)
        self._network = network
        self._address = address
        self.sockets = [self]

    def getsockname(self) -> Address:
        """Say where it is."""
        return self._address

    def close(self) -> None:
        """Accept nobody any more."""
        door = self._network.doors.get(self._address)
        if door is not None and door[2] is self:
            del self._network.doors[self._address]


class NetworkLoop(ProcessLoop):
    """A loop that connects to others."""

    def __init__(self, process: Living, network: Network) -> None:
        """Belong to a network."""
        super().__init__(process)
        self.network = network

    async def create_server(  # type: ignore[override]  # of what asyncio takes, what is used here
        self, factory: Accept, host: str, port: int, **options: Any
    ) -> Server:
        """Open a door; each has a port of its own."""
        address = (host, port or 1024 + len(self.network.doors))
        return Server(self.network, address, self, factory)

    async def create_unix_server(  # type: ignore[override]
        self, factory: Accept, path: str, **options: Any
    ) -> Server:
        """Open a door in the file system."""
        open(path, "w").close()  # noqa: ASYNC230 - as quick as what it stands for
        return Server(self.network, path, self, factory)

    async def create_connection(  # type: ignore[override]
        self, factory: Accept, host: str, port: int, **options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect by host and port."""
        return await self._connect(factory, (host, port))

    async def create_unix_connection(  # type: ignore[override]
        self, factory: Accept, path: str, **options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect by a path."""
        if not os.path.exists(path):  # noqa: ASYNC240 - as quick as what it stands for
            raise FileNotFoundError(path)
        return await self._connect(factory, path)

    async def _connect(
        self, factory: Accept, address: Address
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect: the other process need not run for that, its kernel accepts."""
        world = self.world
        await asyncio.sleep(world.delay())
        door = self.network.doors.get(address)
        if door is None:
            raise ConnectionRefusedError("nobody listens there")
        loop, accept, _ = door
        if loop.process.vanished:
            await asyncio.sleep(FOREVER)
        if not loop.process.alive or loop.process.refuses or world.chance(0.01):
            raise ConnectionRefusedError("it refuses")
        wire = Wire(world)
        near, far = Half(wire, self, factory()), Half(wire, loop)
        wire.halves = (near, far)
        for one in (self.process, loop.process):
            one.pipes.append(wire)
        loop.process.step(0, partial(far.accepted, accept))
        near.protocol.connection_made(near)
        return near, near.protocol


class Wire:
    """A connection: in order, or cut."""

    def __init__(self, world: World) -> None:
        """Be whole."""
        self.world = world
        self.dead: bool = False
        self.halves: tuple[Half, Half]

    def other(self, half: Half) -> Half:
        """Return the other half."""
        near, far = self.halves
        return far if half is near else near

    def cut(self, silent: Living | None = None) -> None:
        """Cut it: what is on its way is lost."""
        if self.dead:
            return
        self.dead = True
        for half in self.halves:
            if silent is None or half.loop.process is silent:
                lost = partial(half.lost, ConnectionResetError("the network cut it"))
                half.loop.process.step(self.world.delay(), lost)


class Half(asyncio.Transport):
    """One end's transport."""

    def __init__(
        self, wire: Wire, loop: NetworkLoop, protocol: asyncio.BaseProtocol | None = None
    ) -> None:
        """Wait for a protocol, at the end that accepts."""
        super().__init__()
        self.wire = wire
        self.loop = loop
        self.protocol = cast(asyncio.BufferedProtocol, protocol)
        self._high, self._low = 65536, 16384
        self._pending = 0
        self._full = False
        self._last = 0.0
        self._closing = False
        self._lost = False
        self._reading = True
        self._unread = bytearray()

    def accepted(self, accept: Accept) -> None:
        """Begin at the end that accepts."""
        with self.loop.running():
            self.protocol = cast(asyncio.BufferedProtocol, accept())
            self.protocol.connection_made(self)

    # What protocols call

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Know nothing."""
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when writers have to wait."""
        self._high, self._low = high or self._high, low or 0

    def is_closing(self) -> bool:
        """Say whether it is being closed."""
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write: it arrives later, in order."""
        if self._closing or self.wire.dead:
            return
        self._pending += len(data)
        self._later(partial(self.wire.other(self).arrive, bytes(data)))
        if self._pending > self._high and not self._full:
            self._full = True
            self.protocol.pause_writing()

    def _later(self, do: Callable[[], object]) -> None:
        world, other = self.wire.world, self.wire.other(self)
        when = self._last = max(self._last + 1e-6, world.now + world.delay())

        def arrive() -> None:
            if not self.wire.dead:
                other.loop.process.step(0, do)

        world.at(when - world.now, arrive)

    def pause_reading(self) -> None:
        """Read no more."""
        self._reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self._reading = True
        self.loop.call_soon(self._read)

    def close(self) -> None:
        """Close it when all is written."""
        if not self._closing and not self.wire.dead:
            self._closing = True
            self._later(partial(self.wire.other(self).lost, None))
            self.loop.call_soon(self.lost, None)

    def abort(self) -> None:
        """Close it at once."""
        self._closing = True
        self.wire.cut()

    # What the network does

    def arrive(self, data: bytes) -> None:
        """Have something to read."""
        self._unread += data
        with self.loop.running():
            self._read()

    def _read(self) -> None:
        while self._unread and self._reading and not self._lost:
            space = memoryview(self.protocol.get_buffer(-1))
            size = min(len(space), len(self._unread))
            space[:size] = self._unread[:size]
            del self._unread[:size]
            self.wire.other(self).read(size)
            self.protocol.buffer_updated(size)

    def read(self, size: int) -> None:
        """Hear that the other end has read so much."""
        self._pending -= size
        if self._full and self._pending <= self._low:
            self._full = False
            self.loop.call_soon(self._writable)

    def _writable(self) -> None:
        if not self._lost:
            self.protocol.resume_writing()

    def lost(self, error: Exception | None) -> None:
        """End."""
        if not self._lost and self.protocol is not None:
            self._lost = self._closing = True
            with self.loop.running():
                self.protocol.connection_lost(error)
