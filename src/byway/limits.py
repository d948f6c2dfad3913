"""Limits: every quantity that could grow has its bound here, with a name, a unit and a default.

Knows: the numbers, what happens beyond them, and which side has which.
Must not know: who keeps to them.

`SessionLimits` has what bounds a session on either side, `ServerLimits` and `ClientLimits` add what
only that side does. `ServerLimits` has more than 25 attributes, since each is an option of its own,
with its own test, that a caller gives by its name; nothing is computed of them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import TypeVar

from byway.errors import UsageError, WrongKind

KIB = 1024
MIB = 1024 * KIB

MAX_PART = 16 * KIB
"""Longest part that either side sends, in bytes; a server could not reply to a client that takes
less."""

MIN_PART = 64
"""Shortest part, in bytes, that a client lets a server ask for: with less, a message would be
mostly heads of frames."""

MIN_SECONDS = 0.1
"""Shortest heartbeat, silence and window, in seconds, that a client lets a server ask for: with
less it would do nothing but look at its clock."""

MIN_BOX = 64
"""Smallest inbox and outbox, in bytes: with less, acknowledgements would never rest."""


@dataclass(frozen=True, kw_only=True)
class SessionLimits:
    """The bounds of a session, on either side. Sizes are in bytes, times in seconds.

    Attributes:
        max_message: longest message received. A longer one closes the session with 1009.
        part: a message longer than this travels as parts of this size; at most 16 KiB, on a
            server at least 64 bytes.
        max_frame: longest frame received. A longer one gets a 413 and ends the carrier.
        outbox: bytes sent and not acknowledged. At the bound `send()` waits.
        inbox: bytes received and not yet read. At the bound the peer's `send()` waits; a peer that
            goes on sending loses the carrier.
        body: longest request body, and WebSocket message of frames, accepted; on a client, longest
            response to a poll or a batch. A longer one gets a 413, closes the WebSocket with
            1009, or ends the carrier.
        batch: longest request body that the client sends, and the most bytes of one write.
        carriers: carriers attached to one session. One more ends the oldest that is not selected.
        heartbeat: longest silence on a downlink, and longest hold of a poll. On a client this,
            `window` and `silence` count until the server's come; on a server each is at least
            0.1 s.
        window: the resume timeout: how long a session with no carrier is kept. Then it ends with
            1006.
        silence: longest silence of a client with nothing to send. A client silent for this and the
            window is gone: 1006.
    """

    max_message: int = 16 * MIB
    part: int = 16 * KIB
    max_frame: int = 64 * KIB
    outbox: int = 1 * MIB
    inbox: int = 1 * MIB
    body: int = 1 * MIB
    batch: int = 64 * KIB
    carriers: int = 8
    heartbeat: float = 10.0
    window: float = 30.0
    silence: float = 25.0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work."""
        kind = type(self).__name__
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise UsageError(f"{kind}.{field.name} must be more than 0")
        if self.part > min(self.max_frame, MAX_PART):
            raise UsageError(f"{kind}.part must not be over {kind}.max_frame, nor over {MAX_PART}")
        if min(self.inbox, self.outbox) < MIN_BOX:
            raise UsageError(f"{kind}.inbox and outbox must each be at least {MIN_BOX}")
        if self.batch + self.max_frame > self.body:
            raise UsageError(
                f"{kind}.body must hold {kind}.batch and one frame of {kind}.max_frame"
            )


@dataclass(frozen=True, kw_only=True)
class ServerLimits(SessionLimits):
    """The bounds of a server: those of each session, and of all it does.

    Give them as `FallbackMiddleware(…, limits=…)` or `Endpoint(…, limits=…)`. Sizes are in bytes,
    times in seconds. `SessionLimits` has the other half.

    Attributes:
        bodies: bytes of request bodies that are being read in one process. One more byte, and
            the body that has taken the longest gets a 503.
        hello: longest HELLO. A longer one gets a 400.
        sessions: sessions in one process, and handlers that go on after theirs. One more gets a
            503.
        sessions_per_address: of those, how many one client address (of IPv6, one /64) may have.
            One more gets a 429. By default one address may have all: behind a proxy that the
            server does not know about, every client has the proxy's address.
        tombstones: ended sessions remembered, so that a delayed request cannot run the handler
            again. One more forgets the oldest.
        refusals: refused clients remembered, with the response that they got. One more forgets the
            oldest.
        refusal_body: bytes kept of the body with which an application refuses. The rest is dropped.
        answer_headers: bytes of names and values of the headers that an application adds to its
            accept or refusal. More raise an error in the application, and the client gets a 500.
        probes: probes in one process, beside the sessions. One more gets a 429.
        probes_per_address: probes of one client address. One more gets a 429.
        probe_message: longest message of a probe, and its inbox and outbox.
        probe_bytes: bytes that one probe echoes, and 64 more for each message. Then it is closed
            with 1009.
        least_heartbeat: shortest heartbeat that a client may ask for; a shorter one counts as this.
        answer_time: how long one endless response (stream, sse) lasts, at most. Then the server
            asks the client to attach another, and the response ends when that is used, or two
            heartbeats later. Just under the hour after which Google Cloud Run, for example, ends
            any response.
        handshake_timeout: how long the application may take to accept or refuse. Then the
            request gets a 504 and the session ends.
        body_timeout: how long a request body may take to arrive. Then it gets a 408.
        refusal_age: how long later attempts of a refused client get the same refusal.
        tombstone_age: how long requests of an ended session get a 410.
        probe_time: how long a probe may last. Then it is closed with 1000.
        probe_wait: how long a probe waits for its client's first message. Then its responses end,
            so that data which a network holds back arrives and shows it; also how long a probe
            with no carrier is kept.
        drain_timeout: how long `drain()` waits for clients to acknowledge the close.
        drain_spread: how long after the drain clients reconnect, at most; each gets a different
            time.
        handler_timeout: how long handlers may go on after that when the server stops. Then they
            are cancelled.
        links: if several processes share sessions, links that others have to this one, and as
            many from it to others. One more, and the request that needs it gets a 503. Four
            for each of `sessions` by default.
        links_per_process: of those, how many one other process may have.
        unproven_links: connections to this process that have not proven to come from a process of
            the same application. One more ends the oldest.
        idle_links: links to one process that carry no call and are kept for the next. One more is
            closed.
        idle_link_time: how long such a link is kept.
        link_time: how long it may take to connect to a process with the proof of both, and again
            until it takes a call. Then the request gets a 503.
        link_silence: longest silence on a link. After a third of that, a process sends a ping.
            After all of it, the link is cut, and its carrier ends.
    """

    bodies: int = 64 * MIB
    hello: int = 4 * KIB
    sessions: int = 10_000
    sessions_per_address: int = 10_000
    tombstones: int = 10_000
    refusals: int = 1_000
    refusal_body: int = 64 * KIB
    answer_headers: int = 16 * KIB
    probes: int = 64
    probes_per_address: int = 16
    probe_message: int = 32 * KIB
    probe_bytes: int = 1 * MIB
    least_heartbeat: float = 1.0
    answer_time: float = 3000.0
    handshake_timeout: float = 30.0
    body_timeout: float = 20.0
    refusal_age: float = 10.0
    tombstone_age: float = 600.0
    probe_time: float = 120.0
    probe_wait: float = 4.0
    drain_timeout: float = 3.0
    drain_spread: float = 5.0
    handler_timeout: float = 5.0
    links: int = 40_000
    links_per_process: int = 20_000
    unproven_links: int = 1_000
    idle_links: int = 32
    idle_link_time: float = 30.0
    link_time: float = 5.0
    link_silence: float = 15.0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work."""
        super().__post_init__()
        kind = type(self).__name__
        if self.probe_message < MIN_BOX:
            raise UsageError(f"{kind}.probe_message must be at least {MIN_BOX}")
        if self.body > self.bodies:
            raise UsageError(f"{kind}.bodies must hold at least one of {kind}.body")


@dataclass(frozen=True, kw_only=True)
class ClientLimits(SessionLimits):
    """The bounds of a client's session, given as `connect(…, limits=…)`.

    Sizes are in bytes, times in seconds. `SessionLimits` has the other half.

    Attributes:
        request_head: longest head of a request, in bytes, that the client sends. A URL, headers
            and subprotocols that would make a longer one raise `UsageError` in `connect()`; of
            cookies that would, the client drops the longest. By default nginx and Apache accept a
            line of that length.
    """

    request_head: int = 8 * KIB


@dataclass(frozen=True, kw_only=True)
class Limits(ServerLimits, ClientLimits):
    """Deprecated: use `ServerLimits` for a server, and `ClientLimits` for `connect()`.

    It is taken by both in this release, and means the same.
    """

    def __post_init__(self) -> None:
        """Warn, and refuse numbers that cannot work."""
        warnings.warn(
            "byway.Limits is deprecated: use byway.ServerLimits for FallbackMiddleware and "
            "Endpoint, and byway.ClientLimits for connect()",
            DeprecationWarning,
            stacklevel=3,  # who called what dataclass has made
        )
        super().__post_init__()


def server_limits(given: object) -> ServerLimits:
    """Return the limits that a server was given, the defaults for None.

    Raises:
        WrongKind: they are a client's, or none at all. It is a `TypeError`.
    """
    return _limits(given, ServerLimits, ClientLimits, "for connect()")


def client_limits(given: object) -> ClientLimits:
    """Return the limits that a client was given, the defaults for None.

    Raises:
        WrongKind: they are a server's, or none at all. It is a `TypeError`.
    """
    return _limits(given, ClientLimits, ServerLimits, "for a server")


_Own = TypeVar("_Own", ServerLimits, ClientLimits)


def _limits(given: object, own: type[_Own], other: type, purpose: str) -> _Own:
    if isinstance(given, Limits):
        return own(**{one.name: getattr(given, one.name) for one in fields(own)})
    if given is None:
        return own()
    if isinstance(given, own):
        return given
    if isinstance(given, other):
        raise WrongKind(
            f"limits is a {other.__name__}, which is {purpose}: use byway.{own.__name__}"
        )
    raise WrongKind(f"limits must be a byway.{own.__name__}, not {given!r}")
