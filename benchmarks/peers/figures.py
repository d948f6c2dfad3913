"""What was measured, in multiples of the round trip, and what byway promises.

Knows: medians, ranges, targets.
Must not know: processes, how any of it is drawn.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

BYTES = "bytes"
"""The variant in which each byte takes half a round trip; the targets are about this one."""

HANDSHAKE = "handshake"
"""The variant in which the TCP handshake of each new connection takes a round trip too."""

VARIANTS: Final[dict[str, str]] = {
    BYTES: "Bytes are delayed, the TCP handshake is not",
    HANDSHAKE: "The TCP handshake takes a round trip too",
}

TARGETS: Final[dict[tuple[str, str], float]] = {
    ("byway", "healthy"): 2.3,
    ("byway", "black-hole"): 6.0,
    ("byway-remembered", "black-hole"): 2.5,
    ("byway", "mute"): 7.0,
    ("byway", "kill"): 7.0,
    ("byway", "black-hole-buffered"): 10.0,
}
"""At most so many round trips, by client and network."""


@dataclass(slots=True)
class Cell:
    """A client in a network.

    Attributes:
        times: multiples of the round trip, one a round; infinite where no echo came.
        none: why no echo came, as the table says it; "" where one came.
        why: the client's own words about it.
    """

    times: list[float] = field(default_factory=list)
    none: str = ""
    why: str = ""

    def lost(self, answer: dict[str, Any], cap: float) -> None:
        """Note that no echo came."""
        self.none = "gives up" if "error" in answer else f"> {cap:g}"
        self.why = answer.get("error", "")

    @property
    def median(self) -> float:
        """The median; infinite where no echo came in half of the rounds, or none was measured."""
        return statistics.median(self.times) if self.times else math.inf

    @property
    def text(self) -> str:
        """What stands in a table: median and range, or why there is none."""
        if math.isinf(self.median):
            return self.none or "–"
        high = max(self.times)
        return f"{self.median:.1f} ({min(self.times):.1f} – {self._high(high)})"

    def _high(self, high: float) -> str:
        return self.none if math.isinf(high) else f"{high:.1f}"


@dataclass(slots=True)
class Result:
    """One run.

    Attributes:
        rounds: rounds that count.
        versions: of what took part.
        skipped: clients that could not take part, and why.
        cap: multiples of the round trip that were waited at most.
        cells: by variant, client and network, in the order of the tables.
    """

    rounds: int
    versions: dict[str, str]
    skipped: dict[str, str]
    cap: float
    cells: dict[tuple[str, str, str], Cell]

    def clients(self) -> list[str]:
        """Return the clients that were measured."""
        return list(dict.fromkeys(client for _, client, _ in self.cells))

    def networks(self) -> list[str]:
        """Return the networks that were measured in."""
        return list(dict.fromkeys(network for _, _, network in self.cells))

    def variants(self) -> list[str]:
        """Return the variants that were measured."""
        return list(dict.fromkeys(variant for variant, _, _ in self.cells))

    def targets(self) -> Iterator[tuple[str, str, float, Cell, bool]]:
        """Give each target that was measured: client, network, bound, the cell, if it was met."""
        for (client, network), bound in TARGETS.items():
            cell = self.cells.get((BYTES, client, network))
            if cell is not None:
                yield client, network, bound, cell, cell.median <= bound

    def as_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "rounds": self.rounds,
            "versions": self.versions,
            "skipped": self.skipped,
            "cap": self.cap,
            "cells": [
                {
                    "variant": variant,
                    "client": client,
                    "network": network,
                    "median": None if math.isinf(cell.median) else cell.median,
                    "times": [None if math.isinf(one) else one for one in cell.times],
                    "none": cell.none,
                    "why": cell.why,
                }
                for (variant, client, network), cell in self.cells.items()
            ],
            "targets": [
                {"client": client, "network": network, "at most": bound, "met": met}
                for client, network, bound, _, met in self.targets()
            ],
        }
