"""The meeting place: a directory in which the workers of one server find each other.

Knows: whose the directory has to be, its mode, the names of the files in it, the secret in a file.
Must not know: how siblings know of the place, links, what the files are for.

Who can write there can stand in for a worker, and who can read there knows the secret: so nobody
but the user whose process this is may do either.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from byway.backplane.locking import lock, open_directory

CLAIMS: Final = "claims"
"""The directory of the claims."""

_SECRET: Final = "secret"
_SECRET_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_POSIX: Final = os.name != "nt"
_MOST_PATH: Final = 100
"""Longest path of a door, in bytes. Systems take 104 to 108 for a Unix socket."""


class Unusable(Exception):
    """The directory cannot be used; the message says why, and what to change."""


class Meeting:
    """The directory.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        """Name it; nothing is made or read."""
        self.path = path

    def prepare(self) -> None:
        """Make what is missing of it, and check whose it is.

        Raises:
            Unusable: it is somebody else's, others can reach into it, or nothing can be made there.
        """
        if len(os.fsencode(self.path)) + len("/12345678.sock") > _MOST_PATH:
            raise Unusable(f"{self.path} is too long for the path of a Unix socket; name a shorter")
        for one in (self.path, self.path / CLAIMS):
            try:
                one.mkdir(mode=0o700)
            except FileExistsError:
                pass
            except OSError as error:
                raise Unusable(f"{one} cannot be made: {error.strerror}") from None
        self.check()
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise Unusable(f"{self.path} cannot be written")

    def check(self) -> None:
        """Check whose it is.

        Raises:
            Unusable: it is somebody else's, a link or no directory, or others can reach into it.
        """
        try:
            found = os.lstat(self.path)
        except OSError as error:
            raise Unusable(f"{self.path} cannot be read: {error.strerror}") from None
        if not stat.S_ISDIR(found.st_mode):
            raise Unusable(f"{self.path} is not a directory (a symbolic link to one does not work)")
        if not is_ours(found):
            raise Unusable(f"{self.path} is another user's")
        if not _POSIX:
            return
        if found.st_mode & 0o077:
            raise Unusable(f"other users can reach into {self.path}: chmod 700 {self.path}")
        for parent in self.path.resolve().parents:
            held = os.stat(parent)
            if held.st_mode & stat.S_IWOTH and not held.st_mode & stat.S_ISVTX:
                raise Unusable(f"every user can replace the directory {self.path}")

    def secret(self, *, make: bool = True) -> bytes:
        """Return the secret that is kept in the directory.

        Args:
            make: make one, where none is kept.

        Raises:
            Unusable: it cannot be made or read, or others could read it.
        """
        path = self.path / _SECRET
        try:
            if make:
                self.keep_secret(secrets.token_bytes(_SECRET_BYTES))
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if not is_ours(found) or (_POSIX and found.st_mode & 0o077):
                    raise Unusable(f"{path} is another user's, or others can read it")
                kept = file.read(_SECRET_BYTES + 1)
        except OSError as error:
            raise Unusable(f"{path} cannot be used: {error.strerror}") from None
        if len(kept) != _SECRET_BYTES:
            raise Unusable(f"{path} does not hold {_SECRET_BYTES} bytes: remove it and start again")
        return kept

    def keep_secret(self, value: bytes) -> None:
        """Put the secret into the directory, unless one is there. It gets its name when complete.

        Raises:
            OSError: it cannot be written.
        """
        if (self.path / _SECRET).exists():
            return
        making = self.path / f".{_SECRET}.{secrets.token_hex(8)}"
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(value)
            (os.link if _POSIX else os.rename)(making, self.path / _SECRET)
        except FileExistsError:
            pass
        finally:
            making.unlink(missing_ok=True)

    def lock(self, name: str) -> Path:
        """Return the path of a process' lock."""
        return self.path / f"{name}.lock"

    def door(self, name: str) -> Path:
        """Return the path of a process' door: a socket, or on Windows a file with its port."""
        return self.path / f"{name}.sock"

    def death(self, name: str) -> Path:
        """Return the path of the mark that says when a process was first seen dead."""
        return self.path / f"{name}.dead"

    @property
    def claims(self) -> Path:
        """The directory of the claims."""
        return self.path / CLAIMS

    def names(self) -> set[str]:
        """Return the names of the processes that are or were here: of all that left a file.

        Raises:
            OSError: the directory cannot be read.
        """
        found = (one.rpartition(".") for one in os.listdir(self.path))
        return {
            name for name, _, kind in found if kind in ("lock", "sock", "dead") and is_name(name)
        }

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Keep others from joining or removing it within the block; False where one of them is.

        Raises:
            OSError: it is not there.
        """
        descriptor = open_directory(self.path)
        if descriptor is None:
            yield True
            return
        try:
            got = lock(descriptor)
            yield got and os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        finally:
            os.close(descriptor)


def is_ours(found: os.stat_result) -> bool:
    """Say whether a file is this user's. Windows keeps the temporary directory for its user."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def is_name(text: str) -> bool:
    """Say whether a text can be the name of a process. Nothing else becomes part of a path."""
    return _NAME.fullmatch(text) is not None
