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
import stat
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from random import uniform
from typing import Any, Final

from byway.errors import UsageError
from byway.negotiation.choice import EVERYTHING, excluded, may_replace

if sys.platform != "win32":
    import fcntl

logger: logging.Logger = logging.getLogger("byway.memory")

MAX_AGE: Final = 86_400.0
"""Seconds after which something remembered counts no more."""

RETRY_AGE: Final = 600.0
"""Seconds, give or take a fifth, after which what is better than that is tried at once again."""

MAX_PLACES: Final = 1_000
"""Places remembered. One more forgets the one that was kept longest ago."""

MAX_FILE: Final = 1024 * 1024
"""Bytes of a memory file; a longer one counts as corrupt."""

LOCK_TIMEOUT: Final = 1.0
"""Seconds that a change waits for another process that writes the same file."""

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
        excluded: better transports that were not tried, by choice: nothing is known of them.
        visits: the path lets one request through at a time, so that no response may stay open.
    """

    transport: str
    seconds: float
    since: float
    heartbeat: float | None = None
    excluded: tuple[str, ...] = ()
    visits: bool = False


class Memory:
    """Remembers, for each place, which transport worked.

    It may be shared by all sessions of an event loop, and the file by several processes: each
    adds to what the others wrote, one after the other where the system has locks for files.
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
                file names hosts, and is readable by its owner only. A link is followed. Beside it
                stands an empty file, `.lock` behind the name, for several processes.
            clock: returns seconds since the epoch.
            jitter: returns a number between two others.

        Raises:
            UsageError: the path is of something else than a file: a folder, a device, a pipe.
        """
        self._path = None if path is None else _file(path)
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
        order: Sequence[str] = EVERYTHING,
        visits: bool = False,
    ) -> None:
        """Remember what works at a place.

        A session that was not allowed to use what is remembered does not overwrite it, unless it
        has found out about what the earlier one was not allowed to try.

        Args:
            place: see `place_of`.
            transport: what works.
            seconds: how long it took to open.
            settled: everything better was tried just now, in vain.
            heartbeat: see `Remembered`.
            order: what the session may try, best first.
            visits: see `Remembered`.
        """
        since = self._clock()
        skipped = excluded(transport, order)
        before = self.recall(place)
        if before is not None:
            if not may_replace(before.transport, before.excluded, transport, order):
                return
            if before.transport == transport:
                if skipped or not settled:
                    since = before.since
                skipped = tuple(name for name in skipped if name in before.excluded)
        self._put(
            place, Remembered(transport, round(seconds, 3), since, heartbeat, skipped, visits)
        )

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
            except Exception:
                # Sessions do without the file, whatever became of it.
                logger.exception("memory %s: not written", path)


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


def _file(path: str | os.PathLike[str]) -> Path:
    """Return where a link leads, without opening anything: a pipe would block, a device act.

    Raises:
        UsageError: it is no path, or of something else than a file.
    """
    try:
        found = Path(os.path.realpath(os.fsdecode(path)))
    except (TypeError, ValueError):
        raise UsageError(f"a memory is kept in a file: {path!r} is no path") from None
    try:
        _check_regular(os.stat(found).st_mode)
    except _NotRegularError:
        raise UsageError(f"a memory is kept in a file: {str(path)!r} is something else") from None
    except OSError:
        pass  # there is none yet, or reading it will say why
    return found


class _NotRegularError(OSError):
    """It is a folder, a device or a pipe."""


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _NotRegularError("not a regular file")


def _open(path: str, flags: int) -> int:
    """Open a file; something else that has come into its place does not block."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(path: Path) -> OrderedDict[str, Remembered]:
    try:
        with open(path, "rb", opener=_open) as file:
            _check_regular(os.fstat(file.fileno()).st_mode)
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return OrderedDict()
    except OSError as error:
        logger.warning("memory %s: not read: %s", path, error)
        return OrderedDict()
    try:
        return _parse(data)
    except Exception as error:  # whatever a file can hold must not keep anybody from connecting
        logger.warning("memory %s: corrupt, it will be replaced: %.300r", path, error)
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
        excluded=tuple(map(str, fields.get("excluded", ()))),
        visits=fields.get("visits") is True,
    )
    if not isinstance(transport, str) or not (isfinite(one.since) and one.seconds >= 0):
        raise ValueError(f"not what worked somewhere: {fields!r}")
    if one.heartbeat is not None and not 0 < one.heartbeat < 1e6:
        raise ValueError(f"not a heartbeat: {one.heartbeat!r}")
    return one


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile, as far as that can be had.

    The lock is on a file beside it, which stays: the file itself is replaced, and a lock that is
    removed could be held twice. Who cannot have the lock in time goes on without: a lost place is
    found again, a program that waits is not.
    """
    if sys.platform == "win32":
        yield
        return
    handle = None
    try:
        with suppress(OSError):  # a folder or a disk without locks
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            handle = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
            until = time.monotonic() + LOCK_TIMEOUT
            while time.monotonic() < until:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(uniform(0.001, 0.01))
        yield
    finally:
        if handle is not None:
            os.close(handle)  # which unlocks it


def _merge(path: Path, changed: dict[str, Remembered | None]) -> None:
    """Add to what another process may have written since, and replace the file in one step."""
    with suppress(FileNotFoundError):
        _check_regular(os.stat(path).st_mode)  # else a device would be replaced
    with _locked(path):
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
