"""The result as a picture: SVG, legible on light and on dark pages.

A panel for each network, in it a row for each client: a dot at the median, a line from the least
to the most, on a logarithmic axis of round trips.

Knows: coordinates, colours.
Must not know: how anything was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.peers.clients import CLIENTS
from benchmarks.peers.figures import BYTES, TARGETS, Cell, Result
from benchmarks.peers.networks import PLACES

WIDTH: Final = 1000
COLUMNS: Final = 2
MARGIN: Final = 16
TOP: Final = 66
LABELS: Final = 158
"""Width of the clients' names."""
NEVER: Final = 76
"""Width at the right for what never came."""
ROW: Final = 17
HEAD: Final = 30
AXIS: Final = 34
FOOT: Final = 50
TICKS: Final = (1, 2, 5, 10, 20, 50, 100)
LEAST: Final = 1.0
MOST: Final = 150.0

STYLE: Final = """
  text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f; }
  .halo { paint-order: stroke; stroke: #f6f8fa; stroke-width: 4px; }
  .title { font-size: 16px; font-weight: 600; }
  .head { font-weight: 600; }
  .small, .tick { font-size: 11px; fill: #57606a; }
  .page { fill: #ffffff; }
  .band { fill: #f6f8fa; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .dot { fill: #6e7781; } .range { stroke: #6e7781; stroke-width: 2; }
  .own .dot { fill: #0969da; } .own .range { stroke: #0969da; }
  .own text { fill: #0969da; font-weight: 600; }
  .cross { stroke: #cf222e; stroke-width: 2; }
  .own .bound, .bound { stroke: #bc4c00; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .halo { stroke: #161b22; }
    .small, .tick { fill: #9da7b3; }
    .page { fill: #0d1117; }
    .band { fill: #161b22; }
    .grid { stroke: #30363d; }
    .dot { fill: #9da7b3; } .range { stroke: #9da7b3; }
    .own .dot { fill: #58a6ff; } .own .range { stroke: #58a6ff; }
    .own text { fill: #58a6ff; }
    .cross { stroke: #ff7b72; }
    .own .bound, .bound { stroke: #f0883e; }
  }
"""


def svg(result: Result) -> str:
    """Return the picture, of the variant that the targets are about where that was measured."""
    variants = result.variants()
    variant = BYTES if BYTES in variants else variants[0]
    networks, clients = result.networks(), result.clients()
    panel = HEAD + ROW * len(clients) + AXIS
    height = TOP + panel * math.ceil(len(networks) / COLUMNS) + FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">Round trips from connect() to the first echo</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        _text(MARGIN, 28, "From connect() to the first echo, in round trips of 100 ms", "title"),
        _text(
            MARGIN,
            48,
            f"Medians ({result.rounds} measurements each) on a logarithmic axis. Less is better.",
            "small",
        ),
    ]
    width = (WIDTH - MARGIN * (COLUMNS + 1)) / COLUMNS
    for index, network in enumerate(networks):
        left = MARGIN + (index % COLUMNS) * (width + MARGIN)
        top = TOP + (index // COLUMNS) * panel
        cells = [(name, result.cells[variant, name, network]) for name in clients]
        lines += _panel(network, cells, left, top, width)
    lines += _legend(height - FOOT + 24, result.cap)
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _panel(
    network: str, cells: list[tuple[str, Cell]], left: float, top: float, width: float
) -> Iterator[str]:
    start, end = left + LABELS, left + width - NEVER
    first = top + HEAD
    bottom = first + ROW * len(cells)

    def place(value: float) -> float:
        part = math.log(max(LEAST, value) / LEAST) / math.log(MOST / LEAST)
        return start + (end - start) * min(1.0, part)

    yield (
        f'<rect class="band" x="{left:g}" y="{top + 2:g}" width="{width:g}" '
        f'height="{bottom - top + 22:g}" rx="4"/>'
    )
    yield (
        f'<text x="{left + 8:.1f}" y="{top + 20:.1f}"><tspan class="head">{escape(network)}</tspan>'
        f'<tspan dx="8">{escape(PLACES[network].about)}</tspan></text>'
    )
    for tick in TICKS:
        x = place(tick)
        yield _line(x, first, x, bottom, "grid")
        yield _text(x, bottom + 14, str(tick), "tick", "middle")
    for number, (name, cell) in enumerate(cells):
        y = first + ROW * number + ROW / 2
        own = ' class="own"' if CLIENTS[name].server == "byway" else ""
        yield f"<g{own}>"
        yield _text(start - 8, y + 4, CLIENTS[name].label, "", "end")
        if (bound := TARGETS.get((name, network))) is not None:
            yield _line(place(bound), y - 7, place(bound), y + 7, "bound")
        if math.isinf(cell.median):
            x = end + 10
            yield _line(x - 4, y - 4, x + 4, y + 4, "cross")
            yield _line(x - 4, y + 4, x + 4, y - 4, "cross")
            yield _text(x + 9, y + 4, cell.none or "–", "tick")
        else:
            x, most = place(cell.median), place(max(cell.times))
            yield _line(place(min(cell.times)), y, most, y, "range")
            yield f'<circle class="dot" cx="{x:.1f}" cy="{y:g}" r="4"/>'
            beside = max(x + 4, most)
            if bound is not None and beside < place(bound) + 4 < beside + 36:
                beside = place(bound)  # the number stands behind the mark of the target
            yield _text(beside + 5, y + 4, f"{cell.median:.1f}", "halo")
        yield "</g>"


def _legend(y: float, cap: float) -> Iterator[str]:
    x = MARGIN + 8.0
    yield _line(x - 6, y - 4, x + 10, y - 4, "range")
    yield f'<circle class="dot" cx="{x + 2:g}" cy="{y - 4:g}" r="4"/>'
    yield _text(x + 18, y, "median, and from the least to the most", "small")
    x += 260
    yield _line(x, y - 11, x, y + 3, "bound")
    yield _text(x + 8, y, "byway's target: at most", "small")
    x += 170
    yield _line(x - 4, y - 8, x + 4, y, "cross")
    yield _line(x - 4, y, x + 4, y - 8, "cross")
    yield _text(
        x + 10, y, f"no echo: the client gave up, or none came within {cap:g} round trips", "small"
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
