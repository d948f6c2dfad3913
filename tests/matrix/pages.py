"""The tables of docs/reference/servers.md and frameworks.md, made of what was seen.

Knows: what a table's rows and columns are, in which pages they stand.
Must not know: how anything was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.matrix.clients import TRANSPORTS
from tests.matrix.expected import Fault, faults_of
from tests.matrix.features import FEATURES, NONE, STOP
from tests.matrix.rows import FRAMEWORKS, ON_EVERY_SERVER, UVICORN, Row
from tests.matrix.running import Outcome
from tests.support.asgi_servers import ALL
from tests.support.process import ROOT

SERVERS_PAGE: Final = ROOT / "docs" / "reference" / "servers.md"
FRAMEWORKS_PAGE: Final = ROOT / "docs" / "reference" / "frameworks.md"
BEGIN: Final = "<!-- matrix -->\n"
END: Final = "<!-- end of matrix -->"

COLUMNS: Final = tuple(dict.fromkeys(one.column for one in (*FEATURES, STOP)))

Outcomes = Mapping[Row, Outcome]


class Notes:
    """Causes, numbered in the order in which a table names them."""

    def __init__(self) -> None:
        """Start empty."""
        self._numbers: dict[str, int] = {}

    def number(self, fault: Fault) -> int:
        """Return a cause's number."""
        return self._numbers.setdefault(fault.reason, len(self._numbers) + 1)

    def lines(self) -> list[str]:
        """Return all of them, as a list."""
        return [f"{number}. {reason}" for reason, number in self._numbers.items()]


def cell(row: Row, outcome: Outcome, column: str, notes: Notes) -> str:
    """Return what a table says of a column in a row."""
    names = [one.name for one in (*FEATURES, STOP) if one.column == column]
    seen = {key: what for key, what in outcome.cells.items() if key[0] in names}
    causes: dict[int, set[str]] = {}
    for (feature, way), what in seen.items():
        for fault in faults_of(row):
            if fault.covers(feature, way) and (fault.sometimes or what not in ("", NONE)):
                causes.setdefault(notes.number(fault), set()).add(way)
    if not causes:
        return "–" if set(seen.values()) == {NONE} else "yes"
    return ", ".join(f"see {number}{where(ways)}" for number, ways in sorted(causes.items()))


def where(ways: set[str]) -> str:
    """Say over which transports, where that is not all."""
    told = [one for one in TRANSPORTS if one in ways]
    return "" if not told or len(told) == len(TRANSPORTS) else f" ({', '.join(told)})"


def table(first: Sequence[str], rows: Sequence[tuple[Sequence[str], Row, Outcome]]) -> str:
    """Return a table, and its causes below it.

    Args:
        first: the titles of the first columns.
        rows: their cells, and what the others are made of.
    """
    notes = Notes()
    titles = [*first, *COLUMNS]
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for cells, row, outcome in rows:
        told = [*cells, *(cell(row, outcome, one, notes) for one in COLUMNS)]
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join([*lines, "", *notes.lines(), ""])


def servers(outcomes: Outcomes) -> str:
    """Return a table for each framework that runs on every server."""
    parts: list[str] = []
    for framework in ON_EVERY_SERVER:
        rows = [(server, Row(framework, server)) for server in ALL.values()]
        told = [((one.title, one.versions), row, outcomes[row]) for one, row in rows]
        parts += [f"### {framework.version}\n", table(("server", "tried with"), told)]
    return "\n".join(parts)


def frameworks(outcomes: Outcomes) -> str:
    """Return the table of all frameworks on one server."""
    rows = [(framework, Row(framework, UVICORN)) for framework in FRAMEWORKS]
    return table(("framework",), [((one.version,), row, outcomes[row]) for one, row in rows])


def write_pages(outcomes: Outcomes) -> None:
    """Write both tables between the marks of their pages, where all of their rows were run."""
    pages: Sequence[tuple[Path, Callable[[Outcomes], str]]] = (
        (SERVERS_PAGE, servers),
        (FRAMEWORKS_PAGE, frameworks),
    )
    for page, made in pages:
        try:
            told = made(outcomes)
        except KeyError:
            continue  # a row was not run
        before, _, rest = page.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{BEGIN}{told}{END}{after}")
