"""Places: where the processes are that are asked.

Knows: what may be given as a place, and where the workers of this user's servers meet.
Must not know: what is asked, how it is printed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from byway.backplane import Backplane
from byway.backplane.choice import VARIABLE, choose, resolve
from byway.backplane.life import Life, look
from byway.backplane.meeting import Meeting, Unusable
from byway.backplane.siblings import PREFIX, bases
from byway.errors import UsageError
from byway.handshake import new_process_name
from byway.limits import Limits

NONE_HERE = (
    "no processes of this user share sessions on this machine. One process alone makes no place "
    "where it could be asked; name the place of others: byway sessions unix:DIR, or redis://…"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where processes are asked.

    Attributes:
        name: how it is shown: without a password.
        backplane: over which they are asked.
    """

    name: str
    backplane: Backplane


def places(given: str | None) -> list[Place]:
    """Return the place that is meant, or all of this user's servers on this machine.

    Args:
        given: `unix:DIR` or a URL; None for the environment's, else for all that are here.

    Raises:
        UsageError: it is no place, or there is none.
    """
    spec = given if given is not None else os.environ.get(VARIABLE, "").strip() or None
    if spec is not None:
        resolved = resolve(spec)
        if not isinstance(resolved, str):
            raise UsageError(f"{VARIABLE} is {spec!r}: these processes share nothing")
        kind, _, rest = resolved.partition(":")
        if kind == "unix":
            _check(Path(rest))
        return [Place(without_password(resolved), choose(resolved, new_process_name(), Limits()))]
    found = [_unix(path) for path in meeting_places()]
    if not found:
        raise UsageError(NONE_HERE)
    return found


def meeting_places() -> Iterator[Path]:
    """Give the directories where workers of this user's servers meet now."""
    for base in dict.fromkeys(bases()):
        try:
            candidates = sorted(base.glob(f"{PREFIX}*"))
        except OSError:
            continue
        for path in candidates:
            meeting = Meeting(path)
            try:
                meeting.check()
                names = meeting.names()
            except (Unusable, OSError):
                continue  # another user's, or nothing of byway's
            if any(look(meeting.lock(name)) is Life.LIVES for name in names):
                yield path


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unix(path: Path) -> Place:
    return Place(f"unix:{path}", choose(f"unix:{path}", new_process_name(), Limits()))


def _check(path: Path) -> None:
    """See that there is a place, since joining would make it."""
    try:
        Meeting(path).check()
    except Unusable as error:
        raise UsageError(str(error)) from None
