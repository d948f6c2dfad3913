"""Limits of the restrictive network: what a proxy holds, remembers and waits for.

Knows: the numbers and what happens beyond them.
Must not know: who keeps to them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from byway.errors import UsageError
from byway.limits import KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLimits:
    """The bounds of a `Network`. Sizes are in bytes, times in seconds.

    Attributes:
        head: longest head of a request or a response. A longer request gets 431, a longer
            response gets 502.
        held: most of one body that a buffering rule holds. A longer request gets 413, a
            longer response gets 502.
        in_flight: bytes on their way in one direction of one connection. At the bound the sender
            waits, so it also bounds the throughput of a network with latency: 256 KiB at 50 ms
            are 5 MB/s a connection.
        piece: most bytes read at once.
        connections: clients' connections open at a time. One more is reset.
        remembered: requests kept in `Network.requests`. One more forgets the oldest.
        connect_timeout: how long the origin may take to accept. Then the response is 504.
        linger: how long the rest of a request is read away after an early answer, so that the
            answer arrives; and how long a TLS connection may take to say goodbye.
    """

    head: int = 64 * KIB
    held: int = 16 * MIB
    in_flight: int = 256 * KIB
    piece: int = 16 * KIB
    connections: int = 1_000
    remembered: int = 1_000
    connect_timeout: float = 10.0
    linger: float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work."""
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise UsageError(f"NetworkLimits.{field.name} must be more than 0")
