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
        trips: round trips until the first echo, of the Python client.
        alone: the transports that carry a session if no other is allowed.
        silence: what became of 65 s of silence, by transport: `lasted` or `went on`.
    """

    chosen: dict[str, str] = field(default_factory=dict)
    trips: float | None = None
    alone: tuple[str, ...] = ()
    silence: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every test has seen it."""
        told = bool(self.alone and self.silence) and self.trips is not None
        return told and set(self.chosen) == set(CLIENTS)


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
    clients = (seen.chosen[one] for one in CLIENTS)
    went_on = [name for name, what in seen.silence.items() if what != "lasted"]
    silence = f"{', '.join(went_on)} went on anew" if went_on else "lasted"
    cells = [
        f"[`{variant.name}`]({variant.page})",
        variant.origin,
        *clients,
        ", ".join(seen.alone),
        f"{seen.trips:.1f} round trips",
        silence,
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Return all of it."""
    return "\n".join([*heads(), *map(row, VARIANTS)])
