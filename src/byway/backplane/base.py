"""The interface of a backplane: what several processes that serve one address know of each other.

Knows: names of processes, hashes of session keys.
Must not know: requests, transports, what an application does, how any one backplane works.

A process is one event loop with byway in it. The *owner* of a session is the process in which its
handler runs; it never changes. A *claim* says who the owner of a key is; it is never taken over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from byway.backplane.counts import Counts


class BackplaneError(Exception):
    """Something about another process, or about the directory, did not work."""


class Unavailable(BackplaneError):
    """The directory cannot say now whose a key is; ask again later. It gets 503."""


class Unreachable(BackplaneError):
    """The owner does not take the call now, and may be alive. It gets 503."""


class Gone(BackplaneError):
    """The owner has ended, and surely so. It gets 410, which ends the session."""


class LinkLost(BackplaneError):
    """The link was cut. Whatever it carried ends uncleanly; nothing repairs a part of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the directory says of a key.

    Attributes:
        owner: name of the process that may run its handler, this process' own name among them;
            "" where the session has ended and nobody has to be asked any more.
        ended: the session has ended. Where `owner` is named beside it, that process still knows
            how it was refused.
    """

    owner: str
    ended: bool = False


class Link(ABC):
    """One end of a connection between two processes, proven by both. It carries one call at a time.

    It is cut whole, never in part. All of it belongs to one event loop.

    Attributes:
        peer: name of the process at the other end.
        full: whether `flush` has to be awaited before more is written.
        on_leave: called where the relay says LEAVE during a REQUEST.
    """

    peer: str
    full: bool
    on_leave: Callable[[], object] | None = None

    @abstractmethod
    async def call(self, payload: bytes, *then: tuple[int, bytes]) -> None:
        """Begin a call: send CALL, and wait until the owner has said TAKEN.

        Args:
            payload: that of CALL.
            then: frames that are sent along with it, kind and payload, without waiting. So a call
                that is short takes no more than one way there and one back.

        Raises:
            Unreachable: it was not said in time. The link is cut.
            LinkLost: the link was cut.
        """

    @abstractmethod
    async def request(self, payload: bytes) -> tuple[int, bytes]:
        """Send REQUEST, and return REPLY or REFUSAL with its payload. The link is free then.

        Only a link that `Backplane.kept` has returned may be asked. Cancelled, it is cut.

        Args:
            payload: at most 64 KiB.

        Raises:
            Unreachable: neither a response nor TAKEN came in time. The link is cut.
            LinkLost: the link was cut.
        """

    @abstractmethod
    def reply(self, kind: int, payload: bytes) -> None:
        """Respond to REQUEST by REPLY or REFUSAL, and free the link.

        Raises:
            LinkLost: the link was cut.
        """

    @abstractmethod
    def write(self, kind: int, payload: bytes = b"") -> None:
        """Write a frame; one over 64 KiB goes in pieces that `receive` joins at the other end.

        Raises:
            LinkLost: the link was cut.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Wait until what was written is below the buffer's bound.

        Raises:
            LinkLost: the link was cut.
        """

    @abstractmethod
    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame, of a kind of `byway.backplane.kinds`; never PING, PONG or TAKEN.

        Nothing is read from the other end while nobody receives, beyond the buffer's bound.

        Raises:
            LinkLost: the link was cut.
        """

    @abstractmethod
    def free(self) -> None:
        """Let it carry another call: both ends have said END of this one, and both were heard."""

    @abstractmethod
    def cut(self) -> None:
        """Close it at once. The other end gets `LinkLost`."""


ServeCall = Callable[[Link, bytes], Awaitable[None]]
"""Serves a call that another process hands over: called with the link and the payload of CALL.
It has ended, or was given up, when this returns; a link that is not freed by then is cut."""

ServeRequest = Callable[[Link, bytes], Coroutine[Any, Any, None] | None]
"""Serves a request that another process hands over: called with the link and the payload of
REQUEST. It responds at once and returns None, or returns what responds and is run in a task; a link
without a response is cut then."""

Tell = Callable[[bytes], bytes]
"""Responds to ASK: called with its payload, it returns that of TELL, at once; both are JSON."""


class Backplane(ABC):
    """A directory of sessions, and links to their owners. It belongs to one event loop.

    Attributes:
        name: of this process.
        alone: nobody shares sessions with this process: every claim is its own, and no other
            process can be called. Then nothing below costs anything.
        tell: responds to ASK on a link (`byway sessions`); the door cuts the link where it is
            None. It is set before `start`.
        serve_request: responds to REQUEST, in the same way.
    """

    name: str
    alone: bool
    tell: Tell | None = None
    serve_request: ServeRequest | None = None

    @cached_property
    def counts(self) -> Counts:
        """What it has done; its parts add to it."""
        return Counts()

    async def processes(self) -> list[str]:
        """Return the names of the processes that the directory knows to live, its own among them.

        It works without `start`, and so does `link` then: that is how `byway sessions` asks them.

        Raises:
            Unavailable: the directory does not respond.
        """
        return [self.name]

    @abstractmethod
    async def start(self, serve: ServeCall) -> None:
        """Open the door for calls of other processes; each is given to `serve` in a task.

        Raises:
            UsageError: it cannot be used as it was set up; the message says what to change.
        """

    @abstractmethod
    def claim(self, digest: bytes) -> Claim | Awaitable[Claim]:
        """Claim a key for this process, or learn whose it is.

        Where the directory is local, the claim itself is returned, so that nothing is awaited.
        Else it is awaited: as long as the directory is not settled, does not respond or another
        claim of the same key is on its way, but no longer than the caller lets it.

        Args:
            digest: the hash of the session's key, see `byway.keys.key_hash`.

        Raises:
            Unavailable: the directory cannot say. A claim that may have been made all the same is
                given back by itself.
        """

    @abstractmethod
    def release(self, digest: bytes) -> None:
        """Give back a claim that became no session: it is told until the directory has it."""

    @abstractmethod
    def ended(self, digest: bytes, *, refused: bool = False) -> None:
        """Say that a claimed session has ended: it is told until the directory has it.

        Args:
            digest: the hash of the session's key.
            refused: the application refused it. This process is named for
                `ServerLimits.refusal_age` then, so that whoever asks again gets the same refusal.
        """

    @abstractmethod
    async def link(self, owner: str) -> Link:
        """Return a link to another process that carries no call.

        Raises:
            Gone: it has ended, and surely so.
            Unreachable: it cannot be reached now, or nobody knows its name yet; or this process
                has all the links that it may have.
        """

    def kept(self, owner: str) -> Link | None:
        """Return a link to another process that was kept, and by which requests may be sent.

        None where `link` has to be awaited, or its other end is of a release without requests.
        """
        return None

    @abstractmethod
    async def aclose(self) -> None:
        """Leave in order: cut the links, close the door, say that this process has ended."""
