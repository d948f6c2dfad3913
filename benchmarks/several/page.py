"""The result as text: for the terminal, and the section of docs/explanation/scale.md.

Knows: tables, the marks in the page.
Must not know: how anything was measured.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.several.figures import Result

BEGIN: Final = "<!-- relay: written by `make bench-docs` -->"
END: Final = "<!-- end of relay -->"

_HOPS = (
    *("transport", "on its owner", "relayed", "hop", "echo, asyncio", "echo, uvloop"),
    *("hop to echo", "bare forwarding to echo"),
    *("p50 of the hop", "p50 of echoes", "push"),
)
_FLEETS = (
    *("transport", "1 worker", "4 workers", "4 that share nothing", "ratio", "relayed, computed"),
    "sessions of the 4",
)


def plain(result: Result) -> str:
    """Return the result for a terminal."""
    lines = [_versions(result), *_skipped(result), ""]
    for target in result.targets():
        met = "met" if target.met else "MISSED"
        lines.append(f"{target.name:<52} {target.text:<34} {target.demand}: {met}")
    for heads, rows in ((_HOPS, list(_hops(result))), (_FLEETS, list(_fleets(result)))):
        if rows:
            lines += ["", "  ".join(f"{head:>18}" for head in heads)]
            lines += ["  ".join(f"{cell:>18}" for cell in row) for row in rows]
    return "\n".join([*lines, *_sizes(result), *_bare_get(result)])


def markdown(result: Result) -> str:
    """Return the section of the page, without its marks."""
    today = datetime.now(UTC).date().isoformat()
    rounds = max((len(one) for one in result.rounds.values()), default=0)
    lines = [
        f"Measured on {today} on {os.cpu_count()} cores, {rounds} rounds, the median (and the "
        f"range). {_versions(result)}.",
        *_skipped(result),
        "",
        "| target | at most, or at least | measured | |",
        "| --- | --- | --- | --- |",
    ]
    for one in result.targets():
        met = "met" if one.met else "**missed**"
        lines.append(f"| {one.name} | {one.demand} | {one.text} | {met} |")
    for heads, rows in ((_HOPS, list(_hops(result))), (_FLEETS, list(_fleets(result)))):
        if rows:
            lines += ["", f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
            lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, *_sizes(result), *_bare_get(result)])


def rewrite(page: Path, result: Result) -> None:
    """Put the result between the marks of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the marks {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(result)}\n\n{END}{after}")


def _hops(result: Result) -> Iterator[list[str]]:
    for name, rounds in result.rounds.items():
        yield [
            name,
            _micro(one.owner.cpu for one in rounds),
            _micro(one.relayed.cpu for one in rounds),
            _micro(one.relayed.cpu - one.owner.cpu for one in rounds),
            _micro(one.echo.cpu for one in rounds),
            _micro(one.fast_echo.cpu for one in rounds),
            f"{statistics.median(one.hop_cpu for one in rounds):.2f} ×",
            f"{statistics.median(one.least_cpu for one in rounds):.2f} ×",
            _micro(one.relayed.p50 - one.owner.p50 for one in rounds),
            " / ".join(
                _micro(getattr(one, echo).p50 for one in rounds) for echo in ("echo", "fast_echo")
            ),
            f"{statistics.median(one.push for one in rounds):.2f} ×",
        ]


def _fleets(result: Result) -> Iterator[list[str]]:
    for name, fleets in result.fleets.items():
        yield [
            name,
            _micro(one.one for one in fleets),
            _micro(one.four for one in fleets),
            _micro(apart) if (apart := [one.apart for one in fleets if one.apart]) else "–",
            f"{statistics.median(one.ratio for one in fleets):.2f} ×",
            f"{statistics.median(one.relayed for one in fleets):.0%}",
            ", ".join("-".join(map(str, one.spread)) for one in fleets[:3]),
        ]


def _sizes(result: Result) -> Iterator[str]:
    if result.memory:
        said = ", ".join(
            f"{statistics.median(values) / 1024:.1f} KiB with {count}"
            for count, values in result.memory.items()
        )
        yield ""
        yield f"Memory for each idle session over a WebSocket, by number of workers: {said}."


def _bare_get(result: Result) -> Iterator[str]:
    if result.get:
        yield ""
        each = _micro(result.get)
        yield f"A bare GET at the pace of the openings, one at a time: {each} of Redis' CPU."


def _micro(values: Iterable[float]) -> str:
    return f"{statistics.median(values) * 1e6:,.0f} µs"


def _versions(result: Result) -> str:
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _skipped(result: Result) -> Iterator[str]:
    if result.skipped:
        said = "; ".join(f"{name} ({why})" for name, why in result.skipped.items())
        yield f"Not measured: {said}."
