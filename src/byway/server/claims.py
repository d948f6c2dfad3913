"""Claims on their way: the attempts of one client share one question to the directory.

Knows: backplanes, and how long an opening waits for one.
Must not know: requests, sessions, transports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final

from byway.backplane import Backplane, Claim, Unavailable
from byway.errors import PeerError

CLAIM_WAIT: Final = 10.0
"""Seconds that an opening waits, at most, until it is known whose its key is."""

AGAIN: Final = 1.0
"""Seconds after which a client is told to try again what could not be decided just now."""


class Claiming:
    """One question to the directory, and the attempts of one client that wait for the response.

    It is entered by each attempt with `with`. When the last one leaves, a claim that became no
    session is given back.
    """

    def __init__(self, claims: Claims, digest: bytes, asked: Awaitable[Claim]) -> None:
        """Ask."""
        self._claims = claims
        self._digest = digest
        self._attempts = 0
        self._answer: asyncio.Future[Claim] = asyncio.ensure_future(asked)
        self.settled: asyncio.Event = asyncio.Event()

    async def wait(self) -> Claim:
        """Wait for the response.

        Raises:
            PeerError: 503, if it does not come in time, or says that nobody knows now.
        """
        try:
            async with asyncio.timeout(self._claims.wait):
                return await asyncio.shield(self._answer)
        except (TimeoutError, Unavailable) as error:
            raise undecided(str(error)) from None

    def __enter__(self) -> Claiming:
        """Count an attempt."""
        self._attempts += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take an attempt off."""
        self._attempts -= 1
        if not self._attempts:
            self._claims.leave(self, self._digest)

    def finish(self) -> Claim | None:
        """Return what came; where nothing has, ask no more."""
        answer = self._answer
        self.settled.set()
        if not answer.done():
            answer.cancel()  # what may have been claimed all the same is given back by itself
            return None
        return None if answer.cancelled() or answer.exception() is not None else answer.result()


class Claims:
    """The claims of one endpoint that are on their way.

    Attributes:
        wait: seconds that an opening waits for one.
    """

    def __init__(
        self, backplane: Backplane, handshake_timeout: float, keeps: Callable[[bytes], bool]
    ) -> None:
        """Start with none.

        Args:
            backplane: the directory.
            handshake_timeout: see `ServerLimits`.
            keeps: says whether a claim belongs to a session, or to what is remembered of one.
        """
        self._backplane = backplane
        self.wait: float = min(handshake_timeout, CLAIM_WAIT)
        self._keeps = keeps
        self._on_their_way: dict[bytes, Claiming] = {}

    def ask(self, digest: bytes) -> Claim | Claiming:
        """Claim a key: what is said at once, or what is to be waited for."""
        claiming = self._on_their_way.get(digest)
        if claiming is None:
            said = self._backplane.claim(digest)
            if isinstance(said, Claim):
                return said
            claiming = self._on_their_way[digest] = Claiming(self, digest, said)
        return claiming

    async def held(self, digest: bytes) -> bool:
        """Wait until no claim of this process for a key is on its way; say whether one was.

        Raises:
            PeerError: 503, if that takes too long.
        """
        claiming = self._on_their_way.get(digest)
        if claiming is None:
            return False
        try:
            async with asyncio.timeout(self.wait):
                await claiming.settled.wait()
        except TimeoutError:
            raise undecided("the directory does not respond") from None
        return True

    def leave(self, claiming: Claiming, digest: bytes) -> None:
        """Give back what became no session, when nobody waits for it any more."""
        if self._on_their_way.get(digest) is claiming:
            del self._on_their_way[digest]
        claim = claiming.finish()
        if claim is not None:
            self.give_back(claim, digest)

    def give_back(self, claim: Claim, digest: bytes) -> None:
        """Give a claim back, if it became no session."""
        backplane = self._backplane
        if claim.owner == backplane.name and not claim.ended and not self._keeps(digest):
            backplane.release(digest)


def undecided(why: str) -> PeerError:
    """Say that a client shall try again in a moment."""
    why = why or "the directory does not respond"
    return PeerError(
        f"this session cannot be located right now: {why}", status=503, retry_after=AGAIN
    )
