"""The measurement: rounds over every client in every network.

Knows: the order of things, that every measurement has a network of its own.
Must not know: how any client connects, how figures are shown.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

from benchmarks.peers.clients import CLIENTS, start_servers
from benchmarks.peers.figures import HANDSHAKE, Cell
from benchmarks.peers.networks import ROUND_TRIP
from benchmarks.peers.progress import Progress
from benchmarks.peers.worker import Worker, worker

NETWORK_LIMIT = 10.0
"""Seconds that a network may take to come or go."""

Key = tuple[str, str, str]
"""A variant, a client and a network."""


class Bench:
    """All processes of a run; measures one client in one network, or whole rounds."""

    def __init__(self, clients: Sequence[str], cap: float, progress: Progress) -> None:
        """Prepare.

        Args:
            clients: to be measured.
            cap: seconds that an echo may take.
            progress: told of each measurement.
        """
        self._clients = clients
        self._cap = cap
        self._progress = progress
        self._stack = AsyncExitStack()
        self._ports: dict[str, int] = {}
        self._workers: dict[str, Worker] = {}

    async def __aenter__(self) -> Bench:
        """Start everything."""
        try:
            used = [CLIENTS[name] for name in self._clients]
            self._ports = await start_servers((one.server for one in used), self._stack)
            command = (sys.executable, "-m", "benchmarks.peers.networks")
            self._networks = await self._stack.enter_async_context(worker("networks", command))
            for name in self._clients:
                process = worker(name, CLIENTS[name].command)
                self._workers[name] = await self._stack.enter_async_context(process)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self._stack.aclose()

    async def first(self, key: Key, cell: Cell) -> float:
        """Measure one client in one network; return the multiple of the round trip."""
        variant, name, network = key
        client = CLIENTS[name]
        opened = await self._networks.ask(
            {
                "open": network,
                "handshake": variant == HANDSHAKE,
                "origin": self._ports[client.server],
            },
            NETWORK_LIMIT,
        )
        url = f"http://127.0.0.1:{opened['port']}"
        question = {"url": url, "cap": self._cap, "visits": client.visits}
        # A client may take some seconds more to say goodbye.
        answer = await self._workers[name].ask(question, (self._cap + 5) * client.visits + 10)
        await self._networks.ask({"close": opened["port"]}, NETWORK_LIMIT)
        if "seconds" in answer:
            return float(answer["seconds"]) / ROUND_TRIP
        cell.lost(answer, self._cap / ROUND_TRIP)
        return math.inf

    async def round(self, keys: Iterable[Key], cells: dict[Key, Cell], at_once: int) -> None:
        """Measure once each, `at_once` clients side by side; the clients take turns."""
        turns: dict[str, list[Key]] = {}
        for key in keys:
            turns.setdefault(key[1], []).append(key)
        total, done = sum(map(len, turns.values())), 0
        free = asyncio.Semaphore(at_once)  # it serves those who wait in their order

        async def lane(mine: list[Key]) -> None:
            nonlocal done
            for key in mine:
                async with free:
                    cells[key].times.append(await self.first(key, cells[key]))
                done += 1
                self._progress.done(done, total)

        async with asyncio.TaskGroup() as group:
            for mine in turns.values():
                group.create_task(lane(mine))


def rotated(items: Sequence[Key], number: int, rounds: int) -> list[Key]:
    """Return the items, beginning at another one in each round."""
    turn = number * len(items) // rounds
    return [*items[turn:], *items[:turn]]


async def measure(
    keys: Sequence[Key], *, rounds: int, at_once: int, cap: float, progress: Progress
) -> dict[Key, Cell]:
    """Measure.

    A round before the others counts for nothing: it warms all processes, and where no echo comes
    in it there is none in the result, as waiting for the cap in every round would take hours.
    """
    cells = {key: Cell() for key in keys}
    clients = list(dict.fromkeys(client for _, client, _ in keys))
    async with Bench(clients, cap, progress) as bench:
        progress.step("warming up")
        await bench.round(keys, cells, at_once=len(clients))
        alive = [key for key, cell in cells.items() if not math.isinf(cell.median)]
        for key in alive:
            cells[key] = Cell()
        for number in range(rounds):
            progress.step(f"round {number + 1} of {rounds}")
            await bench.round(rotated(alive, number, rounds), cells, at_once)
    progress.end()
    return cells
