"""Siblings: how the workers of one server know, without being told, where they meet.

Knows: what servers give the processes that they start.
Must not know: what is at the place, links, claims.

uvicorn, Hypercorn, Granian and anycorn start workers with `multiprocessing`, which gives all
children of a process one random key, those too that are started again later. gunicorn forks: its
workers have their parent's pid in common, and when that started. Granian on a Python without the
GIL starts threads, which have the process in common.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "byway-"
"""How the names of the directories begin."""

_HEX: Final = 20
_PLACE: Final = b"byway: where the workers of one server meet"
_PROOF: Final = b"byway: the secret of the workers of one server"


@dataclass(frozen=True, slots=True)
class Siblings:
    """What the workers of one server have in common.

    Attributes:
        directory: name of the directory where they meet.
        secret: what they alone know, 32 bytes; None where they know nothing that others do not:
            then it is made at the place.
    """

    directory: str
    secret: bytes | None


def siblings() -> Siblings | None:
    """Return what this worker has in common with the others of its server.

    None where no server that has workers started this process.
    """
    # Whom multiprocessing has started, has imported it; nobody else has to.
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        return _of_key(bytes(processes.current_process().authkey))
    if _is_gunicorn():
        return Siblings(_directory(_parent().encode()), None)
    if "granian.server.mt" in sys.modules and not _has_gil():
        return _of_key(_own_key())
    return None


def bases() -> list[Path]:
    """Return the directories in which the place may be, best first: the first one that will do."""
    import tempfile

    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    found = ["/dev/shm"] if os.path.isdir("/dev/shm") else []
    if os.path.isabs(runtime):
        found.append(runtime)
    return [Path(one) for one in (*found, tempfile.gettempdir())]


def _of_key(key: bytes) -> Siblings:
    """Return what those who have a key in common have, which nobody else can make of the name."""
    place = hmac.digest(key, _PLACE, "sha256")
    return Siblings(PREFIX + place.hex()[:_HEX], hmac.digest(key, _PROOF, "sha256"))


def _directory(public: bytes) -> str:
    return PREFIX + hashlib.sha256(_PLACE + public).hexdigest()[:_HEX]


def _is_gunicorn() -> bool:
    """Say whether gunicorn forked this process: its arbiter was imported, and has started."""
    started = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
    return started and "gunicorn.arbiter" in sys.modules


def _parent() -> str:
    """Name the parent: its pid, and where the system tells it what sets that apart from others."""
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="ascii", errors="replace") as file:
            # The second field is the program's name, which may hold anything; the 22nd the time.
            since = file.read().rpartition(")")[2].split()[19]
        space = os.stat("/proc/self/ns/pid").st_ino
    except (OSError, IndexError):
        since, space = "", 0
    user = getattr(os, "geteuid", lambda: 0)()
    return f"{user} {space} {parent} {since}"


def _has_gil() -> bool:
    asked = getattr(sys, "_is_gil_enabled", None)
    return asked is None or bool(asked())


_made: dict[int, bytes] = {}  # by pid: a child that is forked has a key of its own


def _own_key() -> bytes:
    """Return the key that the threads of this process have in common."""
    return _made.setdefault(os.getpid(), secrets.token_bytes(32))
