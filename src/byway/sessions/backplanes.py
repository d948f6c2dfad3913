"""Backplanes: over which of them `byway sessions` asks its processes.

Knows: what may name a backplane, and where the workers of this user's servers meet.
Must not know: what is asked, how it is printed.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from byway.backplane import Backplane
from byway.backplane.choice import VARIABLE, choose, resolve
from byway.backplane.life import Life, look
from byway.backplane.meeting import Meeting, Unusable
from byway.backplane.siblings import PREFIX, bases
from byway.errors import UsageError
from byway.keys import new_process_name
from byway.limits import ServerLimits

NONE_HERE = (
    "no processes of this user share sessions on this machine. A process that is alone cannot be "
    "asked. To ask others, name their backplane: byway sessions unix:DIR, or redis://…"
)


@dataclass(frozen=True, slots=True)
class NamedBackplane:
    """A backplane over which processes are asked.

    Attributes:
        name: how it is shown: without a password.
        backplane: over which they are asked.
    """

    name: str
    backplane: Backplane


def named_backplanes(
    given: str | None,
    *,
    namespace: str | None = None,
    secret_file: Path | None = None,
    ca: str | None = None,
) -> list[NamedBackplane]:
    """Return the backplane that is named, or those of all this user's servers on this machine.

    Args:
        given: `unix:DIR` or a URL; None for the environment's, else for all that are here.
        namespace: see `RedisBackplane`.
        secret_file: file that holds what the processes have as `secret=`.
        ca: file with certificates to trust on links within TLS.

    Raises:
        UsageError: it names no backplane, or there is none.
    """
    spec = given if given is not None else os.environ.get(VARIABLE, "").strip() or None
    of_redis = (namespace, secret_file, ca) != (None, None, None)
    if spec is not None:
        resolved = resolve(spec)
        if not isinstance(resolved, str):
            raise UsageError(f"{VARIABLE} is {spec!r}: these processes share no sessions")
        kind, _, rest = resolved.partition(":")
        if kind != "unix":
            backplane = _redis(resolved, namespace, secret_file, ca)
            return [NamedBackplane(without_password(resolved), backplane)]
        if not of_redis:
            path = Path(rest.removeprefix("//"))
            _check(path)
            return [_unix(path)]
    if of_redis:
        raise UsageError("--namespace, --secret-file and --ca work only with the URL of a Redis")
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
    return re.sub(r"//.*@", "//", url.partition("?")[0])  # a query may hold one, too


def _redis(url: str, namespace: str | None, secret_file: Path | None, ca: str | None) -> Backplane:
    try:
        from byway.backplane.redis import RedisBackplane
    except ImportError:
        raise UsageError("this needs another package: pip install 'byway[redis]'") from None
    try:
        secret = None if secret_file is None else secret_file.read_bytes().strip()
        clients = None if ca is None else ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the secret, or the certificates, cannot be read: {error}") from None
    made = RedisBackplane(
        url,
        namespace=namespace or "byway",
        secret=secret,
        tls=False if clients is None else (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), clients),
    )
    return made.bind(new_process_name())


def _unix(path: Path) -> NamedBackplane:
    return NamedBackplane(
        f"unix:{path}", choose(f"unix:{path}", new_process_name(), ServerLimits())
    )


def _check(path: Path) -> None:
    """See that the directory is there, since joining would make it."""
    try:
        Meeting(path).check()
    except Unusable as error:
        raise UsageError(str(error)) from None
