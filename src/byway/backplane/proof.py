"""The proof with which a link begins: each end shows that it has the secret, and who it is.

Knows: GREET and PROVE, the versions of links, HMAC-SHA-256 (RFC 2104, FIPS 180-4).
Must not know: sockets, time, where secrets come from.

Both ends send GREET at once. The end that dials sends PROVE first, and gets the other's only when
its own was right: who has no secret gets nothing made with it. The HMAC is taken over both GREETs
as they were sent (so over both names, both random numbers and all versions offered), the version
that was chosen and the direction. So it fits no other connection, and not the other direction.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets as random
from collections.abc import Callable, Sequence
from typing import Final

from byway.backplane.base import Unreachable
from byway.backplane.kinds import GREET, PROVE
from byway.errors import UsageError

VERSIONS: Final = (1, 2)
"""The versions of links that this process speaks. Each release speaks the one before, too.

1: CALL and what belongs to it. 2: also REQUEST, REPLY and REFUSAL."""

REQUESTS: Final = 2
"""The version from which on a request may go in one frame."""

GREETING: Final = 1024
"""Most bytes of a frame from an end that has proven nothing yet. A longer one ends the link."""

MIN_SECRET: Final = 16
"""Fewest bytes of a secret."""

MAX_SECRETS: Final = 2
"""Most secrets that are valid at a time: the one in use, and the one before."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_LABEL: Final = b"byway link"
_DIALS: Final = b"D"
_LISTENS: Final = b"L"
_RANDOM: Final = 16
_MOST_VERSIONS: Final = 32
_DIGEST: Final = 32

Secrets = Callable[[], Sequence[bytes]]
"""Returns the secrets that are valid now, the one in use first; one or two."""


class NotProven(Unreachable):
    """The other end is not the process that was called, or has not shown that it may join."""


class NoCommonVersion(NotProven):
    """Both ends have the right names, and no version of links in common."""


class Proof:
    """One end of the proof.

    Attributes:
        peer: name of the other end; to be believed once `done` is True.
        version: of links, the greatest that both speak; 0 before GREET came.
        done: the other end has proven itself.
        dials: whether this is the end that dials.
    """

    def __init__(
        self,
        name: str,
        secrets: Secrets,
        *,
        expected: str | None = None,
        versions: Sequence[int] = VERSIONS,
    ) -> None:
        """Begin.

        Args:
            name: of this process.
            secrets: the secrets that are valid.
            expected: name of the process that is dialled; None on the end that listens.
            versions: those that this end speaks.

        Raises:
            UsageError: there is no secret, one is too short, or the name is none.
        """
        self._secrets = [bytes(one) for one in secrets()][:MAX_SECRETS]
        if not self._secrets or any(len(one) < MIN_SECRET for one in self._secrets):
            raise UsageError(f"a secret of links has at least {MIN_SECRET} bytes")
        if not _NAME.fullmatch(name):
            raise UsageError(f"a process' name is 8 characters of base64url, {name!r} is not")
        self._name = name
        self._expected = expected
        self.dials: bool = expected is not None
        self._versions = versions
        said = {
            "name": name,
            "versions": list(versions),
            "random": random.token_hex(_RANDOM),
        }
        self.greeting: bytes = json.dumps(said, separators=(",", ":")).encode()
        self.peer: str = ""
        self.version: int = 0
        self.done: bool = False
        self._heard = b""

    def take(self, kind: int, payload: bytes) -> bytes | None:
        """Take a frame of the other end, and return the payload of a PROVE to send, if any.

        Raises:
            NotProven: the link has to be closed. Nothing is sent that says why.
        """
        if self.done or kind != (PROVE if self.version else GREET):
            raise NotProven(f"a frame of kind {kind} has no place in the proof")
        if kind == GREET:
            self._greeted(payload)
            if not self.dials:
                return None
            return b"".join(self._digest(secret, _DIALS) for secret in self._secrets)
        secret = self._fitting(payload, _LISTENS if self.dials else _DIALS)
        self.done = True
        return None if self.dials else self._digest(secret, _LISTENS)

    def _greeted(self, payload: bytes) -> None:
        try:
            said = json.loads(payload)
            name, versions, number = said["name"], said["versions"], said["random"]
            if not (
                _NAME.fullmatch(name)
                and len(bytes.fromhex(number)) == _RANDOM
                and 0 < len(versions) <= _MOST_VERSIONS
                and all(type(one) is int for one in versions)
            ):
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise NotProven("the other end does not greet as a process of byway does") from None
        if name == self._name:
            raise NotProven("the other end has this process' own name")
        if self._expected not in (None, name):
            raise NotProven(f"process {name} is there, where {self._expected} was expected")
        common = set(versions) & set(self._versions)
        if not common:
            raise NoCommonVersion(
                f"process {name} speaks versions {versions} of links, "
                f"this one {list(self._versions)}: upgrade the older one"
            )
        self.peer, self.version, self._heard = name, max(common), payload

    def _fitting(self, payload: bytes, direction: bytes) -> bytes:
        """Return the secret with which one of the digests was made."""
        if not payload or len(payload) % _DIGEST or len(payload) > MAX_SECRETS * _DIGEST:
            raise NotProven("a proof has one digest for each secret")
        for secret in self._secrets:
            digest = self._digest(secret, direction)
            for start in range(0, len(payload), _DIGEST):
                if hmac.compare_digest(digest, payload[start : start + _DIGEST]):
                    return secret
        raise NotProven(f"process {self.peer} has not the same secret")

    def _digest(self, secret: bytes, direction: bytes) -> bytes:
        first, second = self.greeting, self._heard
        if not self.dials:
            first, second = second, first
        text = b"".join(
            (_LABEL, direction, self.version.to_bytes(4), len(first).to_bytes(4), first, second)
        )
        return hmac.digest(secret, text, "sha256")
