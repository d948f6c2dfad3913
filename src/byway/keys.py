"""Keys and names: what a session, a process and a run of the handler are called.

Knows: how each is made and told from the others, and that no key is kept or logged.
Must not know: where they travel, sessions, processes.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from operator import sub
from typing import Final

MIN_KEY: Final = 22
"""Fewest characters of a session key: 128 bits in base64url."""

MAX_KEY: Final = 86
"""Most characters of a session key: 512 bits in base64url."""

MIN_VARIETY: Final = 8
"""Fewest different characters of a session key. Of 22 random ones fewer differ once in 10**12."""

PROCESS_NAME: Final = 8
"""Characters of a process' name, with which the instances of its sessions begin: 48 random bits."""

RUN_NAME: Final = 16
"""Characters of an instance behind that: 96 random bits."""

READER_KEY: Final = 32
"""Characters of a reader's key behind the name of a process: 192 random bits."""


def new_key() -> str:
    """Make a session key of 192 random bits."""
    return secrets.token_urlsafe(24)


def new_reader_key(process: str) -> str:
    """Make a session key for a reader without a client: it leads back to the session's process.

    Args:
        process: name of the process in which the handler runs.
    """
    return process + new_key()


def owner_of_reader(key: str) -> str | None:
    """Return the name of the process that a reader's key begins with; None where it has none."""
    return key[:PROCESS_NAME] if len(key) == PROCESS_NAME + READER_KEY else None


def new_process_name() -> str:
    """Make a name for a process. It is random, never a host's name or a pid, which come again."""
    return secrets.token_urlsafe(PROCESS_NAME * 6 // 8)


def new_instance(process: str) -> str:
    """Make a name for one run of the handler.

    Args:
        process: name of the process in which it runs.
    """
    return process + secrets.token_urlsafe(RUN_NAME * 6 // 8)


def owner_of(instance: str) -> str | None:
    """Return the name of the process that an instance begins with.

    None where it has none: older servers made shorter instances.
    """
    return instance[:PROCESS_NAME] if len(instance) >= PROCESS_NAME + RUN_NAME else None


def plainly_not_random(key: str) -> bool:
    """Say whether a key is a repetition, a count or a few letters, as no random generator makes.

    Randomness cannot be seen; this finds the placeholder and the generator that is broken.
    """
    if len(set(key)) < MIN_VARIETY:
        return True
    # Where a text stands in the middle of its own double, it repeats a shorter one.
    if key in (key + key)[1 : len(key) + len(key) // 2]:
        return True
    codes = key.encode()
    return len(set(map(sub, codes[1:], codes))) == 1


def key_hash(key: str) -> bytes:
    """Hash a key. Sessions are looked up by it, so that no key is kept or compared in parts."""
    return sha256(key.encode()).digest()


def name_of(key: str) -> str:
    """Return what the session of a key is called in logs: the beginning of its hash, in hex."""
    return key_hash(key).hex()[:8]
