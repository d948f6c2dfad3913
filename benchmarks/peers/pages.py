"""The result as text: for the terminal, and the section of docs/benchmarks.md.

Knows: tables, the marks in the page.
Must not know: how anything was measured or is drawn.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.peers.clients import CLIENTS, SERVERS
from benchmarks.peers.figures import BYTES, VARIANTS, Cell, Result
from benchmarks.peers.networks import PLACES

BEGIN: Final = "<!-- first echo: written by `make bench-docs` -->"
END: Final = "<!-- end of first echo -->"


def plain(result: Result) -> str:
    """Return the result for a terminal: a block for each network."""
    lines = [_versions(result), *_skipped(result), ""]
    bounds = {(client, network): bound for client, network, bound, _, _ in result.targets()}
    for variant in result.variants():
        lines.append(f"{VARIANTS[variant]}; round trips to the first echo, median (min – max)")
        for network in result.networks():
            lines += ["", f"{network}: {PLACES[network].about}"]
            for client in result.clients():
                cell = result.cells[variant, client, network]
                line = f"  {CLIENTS[client].label:<28} {cell.text}"
                bound = bounds.get((client, network)) if variant == BYTES else None
                if bound is not None:
                    met = "met" if cell.median <= bound else "MISSED"
                    line = f"{line:<52} target ≤ {bound:g}: {met}"
                elif cell.why:
                    line = f"{line:<52} {' '.join(cell.why.split())[:80]}"
                lines.append(line)
        lines.append("")
    return "\n".join(lines).rstrip()


def markdown(result: Result) -> str:
    """Return the section of the page, without its marks."""
    today = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            f"Measured on {today} on {os.cpu_count()} cores, {result.rounds} rounds. "
            f"{_versions(result)}.",
            *_skipped(result),
            "",
            "![Round trips to the first echo, by network and client](first-echo.svg)",
            "",
            *_targets(result),
            *_compared(result),
            *(line for variant in result.variants() for line in _table(result, variant)),
        ]
    ).rstrip()


def rewrite(page: Path, result: Result) -> None:
    """Put the result between the marks of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the marks {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(result)}\n\n{END}{after}")


def _versions(result: Result) -> str:
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _skipped(result: Result) -> Iterator[str]:
    if result.skipped:
        said = "; ".join(f"{CLIENTS[name].label} ({why})" for name, why in result.skipped.items())
        yield f"Not measured: {said}."


def _targets(result: Result) -> Iterator[str]:
    yield "| byway's targets | at most | measured | |"
    yield "| --- | --- | --- | --- |"
    for client, network, bound, cell, met in result.targets():
        what = f"{network}, remembered" if client == "byway-remembered" else network
        yield f"| `{what}` | {bound:g} | {_exact(cell)} | {'met' if met else '**missed**'} |"
    yield ""


def _compared(result: Result) -> Iterator[str]:
    yield "| client | as measured | server |"
    yield "| --- | --- | --- |"
    for client in (CLIENTS[name] for name in result.clients()):
        yield f"| {client.label} | {client.about} | {SERVERS[client.server].about} |"
    yield ""
    yield "| network | what it does |"
    yield "| --- | --- |"
    for network in result.networks():
        yield f"| `{network}` | {PLACES[network].about} |"
    yield ""


def _exact(cell: Cell) -> str:
    return cell.text if math.isinf(cell.median) else f"{cell.median:.2f}"


def _table(result: Result, variant: str) -> Iterator[str]:
    clients = result.clients()
    yield f"### {VARIANTS[variant]}"
    yield ""
    yield f"| network | {' | '.join(CLIENTS[name].label for name in clients)} |"
    yield f"| --- |{' --- |' * len(clients)}"
    for network in result.networks():
        cells = [result.cells[variant, name, network].text for name in clients]
        yield f"| `{network}` | {' | '.join(cells)} |"
    yield ""
