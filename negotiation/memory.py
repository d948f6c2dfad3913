"""The memory: which transport worked, so that the next session begins with it.

Knows: where a session went and by which way, what worked there, and when that was found out.
Must not know: sessions, carriers, the race.

A place is an origin, the proxy on the way to it, and the network that the machine is in. What is
remembered of one is used for a day; after ten minutes what is better is tried again beside it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from random import uniform
from typing import Any, Final

logger: logging.Logger = logging.getLogger("byway.memory")

MAX_AGE: Final = 86_400.0
"""Seconds after which something remembered counts no more."""

RETRY_AGE: Final = 600.0
"""Seconds, give or take a fifth, after which what is better than that is tried at once again."""

MAX_PLACES: Final = 1_000
"""Places remembered. One more forgets the one that was kept longest ago."""

MAX_FILE: Final = 1024 * 1024
"""Bytes of a memory file; a longer one counts as corrupt."""

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """What worked at a place.

    Attributes:
        transport: the best transport that was proven to work.
        seconds: how long it took to open.
        since: when everything better was last tried in vain, in seconds since the epoch.
        heartbeat: the longest silence that the path allows, in seconds; None where the usual
            heartbeat will do.
    """

    transport: str
    seconds: float
    since: float
    heartbeat: float | None = None


class Memory:
    """Remembers, for each place, which transport worked.

    It may be shared by all sessions of an event loop, and the file by several processes: each
    adds to what the others wrote.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        """Read the file, if one is named.

        A file that is not a memory's is replaced at the next change, with a line in the log. One
        that cannot be read or written is done without, with a line in the log as well.

        Args:
            path: a file to keep it in; by default it is kept as long as the process lasts. The
                file names hosts, and is readable by its owner only.
            clock: returns seconds since the epoch.
            jitter: returns a number between two others.
        """
        self._path = None if path is None else Path(path)
        self._clock = clock
        self._jitter = jitter
        self._places: OrderedDict[str, Remembered] = OrderedDict()
        self._changed: dict[str, Remembered | None] = {}
        self._writing: asyncio.Task[None] | None = None
        if self._path is not None:
            self._places = _read(self._path)

    @property
    def places(self) -> tuple[str, ...]:
        """Where something is remembered, the latest last."""
        return tuple(self._places)

    def recall(self, place: str) -> Remembered | None:
        """Return what worked at a place, unless that is too long ago."""
        found = self._places.get(place)
        if found is None:
            return None
        # A clock that was set back must not keep something for ever.
        if not 0 <= self._clock() - found.since <= MAX_AGE:
            return None
        return found

    def due(self, found: Remembered) -> bool:
        """Say whether what is better than this should be tried again at once.

        The age has jitter, so that not all clients of a server try at the same moment.
        """
        return self._clock() - found.since >= RETRY_AGE * self._jitter(0.8, 1.2)

    def keep(
        self,
        place: str,
        transport: str,
        seconds: float,
        *,
        settled: bool,
        heartbeat: float | None = None,
    ) -> None:
        """Remember what works at a place.

        Args:
            place: see `place_of`.
            transport: what works.
            seconds: how long it took to open.
            settled: everything better was tried just now, in vain.
            heartbeat: see `Remembered`.
        """
        now = self._clock()
        before = self.recall(place)
        known = before is not None and before.transport == transport and not settled
        since = before.since if known and before is not None else now
        self._put(place, Remembered(transport, round(seconds, 3), since, heartbeat))

    def forget(self, place: str) -> None:
        """Forget what worked at a place, since it does not any more."""
        if place in self._places:
            self._put(place, None)

    def clear(self) -> None:
        """Forget everything."""
        for place in self.places:
            self._put(place, None)

    def _put(self, place: str, remembered: Remembered | None) -> None:
        _update(self._places, {place: remembered})
        if self._path is None:
            return
        self._changed[place] = remembered
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write(self._path))

    async def flush(self, timeout: float | None = None) -> None:
        """Wait until the file holds everything. Leaving the block of a `connect()` does it too.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.
        """
        if self._writing is not None and not self._writing.done():
            await asyncio.wait({self._writing}, timeout=timeout)

    async def _write(self, path: Path) -> None:
        while self._changed:
            changed, self._changed = self._changed, {}
            try:
                # A disk may be slow, and a network's disk may hang.
                await asyncio.to_thread(_merge, path, changed)
            except OSError as error:
                logger.warning("memory %s: not written: %s", path, error)


SHARED: Final = Memory()
"""What every `connect()` of this process uses unless it is told otherwise."""


def place_of(origin: str, proxy: str | None, network: str) -> str:
    """Name a place.

    Args:
        origin: scheme, host and port of the endpoint.
        proxy: the same of the proxy, without name and password; None for none.
        network: names the network that the machine is in.
    """
    return " ".join([origin, *([f"via {proxy}"] if proxy else []), *([network] if network else [])])


def _update(places: OrderedDict[str, Remembered], changed: dict[str, Remembered | None]) -> None:
    for place, remembered in changed.items():
        places.pop(place, None)
        if remembered is not None:
            places[place] = remembered
    while len(places) > MAX_PLACES:
        places.popitem(last=False)


def _read(path: Path) -> OrderedDict[str, Remembered]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return OrderedDict()
    except OSError as error:
        logger.warning("memory %s: not read: %s", path, error)
        return OrderedDict()
    try:
        return _parse(data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        logger.warning("memory %s: corrupt, it will be replaced: %r", path, error)
        return OrderedDict()


def _parse(data: bytes) -> OrderedDict[str, Remembered]:
    if len(data) > MAX_FILE:
        raise ValueError(f"over {MAX_FILE} bytes")
    content = json.loads(data)
    if content["v"] != VERSION:
        raise ValueError(f"version {content['v']!r}")
    places = OrderedDict(
        (str(place), _remembered(fields)) for place, fields in content["places"].items()
    )
    while len(places) > MAX_PLACES:
        places.popitem(last=False)
    return places


def _remembered(fields: dict[str, Any]) -> Remembered:
    heartbeat = fields.get("heartbeat")
    transport: Any = fields["transport"]
    one = Remembered(
        transport=transport,
        seconds=float(fields["seconds"]),
        since=float(fields["since"]),
        heartbeat=None if heartbeat is None else float(heartbeat),
    )
    if not isinstance(transport, str) or not (isfinite(one.since) and one.seconds >= 0):
        raise ValueError(f"not what worked somewhere: {fields!r}")
    if one.heartbeat is not None and not 0 < one.heartbeat < 1e6:
        raise ValueError(f"not a heartbeat: {one.heartbeat!r}")
    return one


def _merge(path: Path, changed: dict[str, Remembered | None]) -> None:
    """Add to what another process may have written since, and replace the file in one step."""
    places = _read(path)
    _update(places, changed)
    content = {"v": VERSION, "places": {name: asdict(one) for name, one in places.items()}}
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # its owner's only
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
