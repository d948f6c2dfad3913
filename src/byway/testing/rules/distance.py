"""Rules about distance: latency and bandwidth.

Knows: what the line between clients and the proxy is like.
Must not know: sockets, a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from byway.errors import UsageError
from byway.testing.plan import Line, Rule, tightest


@dataclass(frozen=True, slots=True)
class Latency(Rule):
    """Let all bytes take a while, in each direction: a round trip takes twice as long.

    Several of them add up. The order of bytes on a connection stays, as with TCP.

    Attributes:
        ms: milliseconds one way.
        jitter: milliseconds that a piece may take longer, drawn anew for each.
        seed: of the draws.
        handshake: let the first bytes of a new connection take one round trip more, as they do
            after a TCP handshake over that distance; the handshake itself takes no time here.
    """

    ms: float = 50.0
    jitter: float = 0.0
    seed: int = 0
    handshake: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.ms < 0 or self.jitter < 0:
            raise UsageError("ms and jitter must be 0 or more")

    def line(self, line: Line) -> Line:
        """Lengthen the line."""
        return replace(
            line,
            delay=line.delay + self.ms / 1000,
            jitter=line.jitter + self.jitter / 1000,
            seed=line.seed + self.seed,
            handshake=line.handshake or self.handshake,
        )


@dataclass(frozen=True, slots=True)
class Bandwidth(Rule):
    """Let so many bytes a second pass, in each direction, of all connections together.

    Attributes:
        bytes_per_second: of each direction; a line of 400 kbit/s has 50,000.
    """

    bytes_per_second: float = 50_000.0

    def __post_init__(self) -> None:
        """Check the number."""
        if self.bytes_per_second <= 0:
            raise UsageError("bytes_per_second must be more than 0")

    def line(self, line: Line) -> Line:
        """Narrow the line."""
        return replace(line, rate=tightest(line.rate, self.bytes_per_second))
