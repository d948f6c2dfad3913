"""Runs a row: starts its server, checks all of it side by side, and what fails without byway too.

Knows: processes, how much runs side by side.
Must not know: what is expected.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.matrix.clients import PLAIN
from tests.matrix.features import FEATURES, NONE, ONCE, STOP, Feature, World, check, close_quietly
from tests.matrix.rows import Row
from tests.support.asgi_servers import serving
from tests.support.process import START_TIMEOUT
from tests.support.tls import Authority

AT_ONCE: Final = 8
"""How many checks of a row run side by side."""

Cell = tuple[str, str]
"""The names of a feature and of a transport, or `ONCE`."""


@dataclass
class Outcome:
    """What was seen of a row.

    Attributes:
        cells: what was wrong with each, `NONE`, or "".
        plain: what was wrong with the same application without byway over a plain WebSocket, by
            feature; of those that failed in a cell.
    """

    cells: dict[Cell, str] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def served(row: Row, app: str, authority: Authority) -> AsyncIterator[World]:
    """Start a row's server with one of its two applications; stop it at the end of the block."""
    serves = serving(
        row.server,
        f"{row.framework.module}:{app}",
        root_path=row.root_path,
        certificate=authority.pair_file,
        python=row.framework.python,
    )
    server = await asyncio.to_thread(serves.__enter__)
    try:
        tls = authority.context() if row.server.tls else None
        # Two contexts: httpx writes into its own which protocols it offers, HTTP/2 among them.
        verify = authority.context() if row.server.tls else False
        # A connection that a server is about to close shall not be used again.
        limits = httpx.Limits(keepalive_expiry=0.5)
        async with httpx.AsyncClient(
            trust_env=False, verify=verify, http2=row.server.tls, timeout=20, limits=limits
        ) as http:
            world = World(
                port=server.port,
                http=http,
                stop=server.program.terminate,
                tls=tls,
                prefix=row.root_path if row.server.prefix else "",
                root_path=row.root_path,
                plain=app == "plain",
            )
            await ready(world)
            yield world
            await asyncio.gather(*map(close_quietly, world.seen.values()))
    finally:
        await asyncio.to_thread(serves.__exit__, None, None, None)


async def ready(world: World) -> None:
    """Wait until the application responds: a worker may listen before it has one."""
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            try:
                await world.http.get(world.url("/hello"))
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # nothing says when: ask again


async def run(row: Row, authority: Authority) -> Outcome:
    """Check all of a row."""
    outcome = Outcome()
    async with served(row, "app", authority) as world:
        outcome.cells = await look(world, (*FEATURES, STOP))
    failed = {name for (name, _), what in outcome.cells.items() if what not in ("", NONE)}
    if failed:
        wanted = [one for one in (*FEATURES, STOP) if one.name in failed]
        async with served(row, "plain", authority) as world:
            seen = await look(world, wanted)
        outcome.plain = {name: what for (name, _), what in seen.items()}
    return outcome


async def look(world: World, features: Iterable[Feature]) -> dict[Cell, str]:
    """Check features; that for which the server stops comes last."""
    wanted = list(features)
    slots = asyncio.Semaphore(AT_ONCE)
    cells: dict[Cell, str] = {}

    async def one(feature: Feature, way: str) -> None:
        async with slots:
            cells[feature.name, way] = await check(world, feature, way)

    def ways(feature: Feature) -> tuple[str, ...]:
        return world.ways if feature.each else (PLAIN if world.plain else ONCE,)

    running = [one for one in wanted if one is not STOP]
    await asyncio.gather(*(one(feature, way) for feature in running for way in ways(feature)))
    if STOP in wanted:
        await asyncio.gather(*(one(STOP, way) for way in ways(STOP)))
    return {
        (feature.name, way): cells[feature.name, way] for feature in wanted for way in ways(feature)
    }
