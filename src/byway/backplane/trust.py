"""The secret that processes prove to each other, where they share it through their directory.

Knows: which secret is valid, and for how long. Time comes in as seconds.
Must not know: proofs, directories.
"""

from __future__ import annotations

import secrets
from typing import Final

KEPT: Final = 86_400.0
"""Seconds for which the secret before is valid, too. A directory that was emptied gets back the one
that the first process knows; a new process may have been first."""

_SIZE: Final = 32


class Trust:
    """The secrets that are valid in one process.

    Attributes:
        offered: what the directory is to keep where it keeps none; b"" where it shall keep none.
    """

    def __init__(self, given: bytes | None = None) -> None:
        """Begin with a secret that was given, or with one of its own that it offers to all."""
        self._in_use = given or secrets.token_bytes(_SIZE)
        self._before: tuple[bytes, float] | None = None
        self._now = 0.0
        self._given = given is not None

    @property
    def offered(self) -> bytes:
        """See the class."""
        return b"" if self._given else self._in_use

    def heard(self, standing: bytes, now: float) -> None:
        """Use the secret that stands in the directory; b"" where none does."""
        self._now = now
        if standing and standing != self._in_use and not self._given:
            self._before = (self._in_use, now + KEPT)
            self._in_use = standing

    def valid(self) -> list[bytes]:
        """Return the secret in use, and the one before while it is valid."""
        if self._before is not None and self._before[1] > self._now:
            return [self._in_use, self._before[0]]
        return [self._in_use]
