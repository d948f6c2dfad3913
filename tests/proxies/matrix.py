"""What the tests have seen of each proxy, and the table that is made of it.

Knows: what a cell of the table is, and in which page the table stands.
Must not know: how anything was seen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from tests.proxies.variants import VARIANTS, Variant
from tests.support.process import ROOT

PAGE: Final = ROOT / "docs" / "reference" / "proxies.md"
WRITES: Final = os.environ.get("BYWAY_WRITE_MATRIX") == "1"
BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->"

CLIENTS: Final = ("python", "chromium", "firefox")


@dataclass
class Seen:
    """What was seen of one proxy.

    Attributes:
        chosen: which transport a session with default settings ended up on, by client.
        trips: round trips until the first echo, by client.
        alone: the transports that carry a session if no other is allowed, by client.
        silence: what became of 65 s of silence, by client and transport: `lasted` or `went on`.
    """

    chosen: dict[str, str] = field(default_factory=dict)
    trips: dict[str, float] = field(default_factory=dict)
    alone: dict[str, tuple[str, ...]] = field(default_factory=dict)
    silence: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every test has seen it with every client."""
        told = (self.chosen, self.trips, self.alone, self.silence)
        return all(one.keys() == set(CLIENTS) for one in told)


SEEN: Final[dict[str, Seen]] = {one.name: Seen() for one in VARIANTS}
"""By the names of the variants."""


def heads() -> list[str]:
    """Return the first two lines of the table."""
    titles = ["proxy", "origin", *(one.title() for one in CLIENTS), "passes alone"]
    titles += ["first echo", "65 s of silence"]
    return [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]


def row(variant: Variant) -> str:
    """Return a proxy's line of the table."""
    seen = SEEN[variant.name]
    cells = [
        f"[`{variant.name}`]({variant.page})",
        variant.origin,
        *(seen.chosen[one] for one in CLIENTS),
        by_client({name: ", ".join(one) for name, one in seen.alone.items()}),
        ", ".join(f"{seen.trips[one]:.1f}" for one in CLIENTS),
        by_client({name: what_became(one) for name, one in seen.silence.items()}),
    ]
    return f"| {' | '.join(cells)} |"


def what_became(silence: dict[str, str]) -> str:
    """Say what became of a client's carriers."""
    went_on = [name for name, what in silence.items() if what != "lasted"]
    return f"{', '.join(went_on)} resumed" if went_on else "lasted"


def by_client(told: dict[str, str]) -> str:
    """Say it once where it is the same of all, else name the clients."""
    clients: dict[str, list[str]] = {}
    for one in CLIENTS:
        clients.setdefault(told[one], []).append(one.title())
    if len(clients) == 1:
        return told[CLIENTS[0]]
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in clients.items())


def table() -> str:
    """Return all of it."""
    return "\n".join([*heads(), *map(row, VARIANTS)])
