"""The tables of `byway sessions`.

Knows: what processes say of themselves, and how wide a column is.
Must not know: how they are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from byway.backplane.asking import Reply

_PROCESSES = ("process", "host", "pid", "age", "sessions", "links", "relayed in", "relayed out") + (
    "messages in",
    "messages out",
    "bytes in",
    "bytes out",
    "carriers",
)
_SESSIONS = (
    "session",
    "process",
    "state",
    "messages in",
    "messages out",
    "bytes in",
    "bytes out",
) + ("unread", "unacknowledged", "carriers")
_LEFT = {"process", "host", "session", "state", "carriers"}


def processes(told: Sequence[Reply]) -> list[str]:
    """Return the lines that show what each process has, and what all have together."""
    well = [one for one in told if not one.error]
    rows = [_process(one) for one in well]
    lines = _table(_PROCESSES, rows)
    if len(well) > 1:
        sessions = sum(_number(one.said, "sessions") for one in well)
        lines.append(f"{sessions:,} sessions in {len(well)} processes")
    lines += [f"{one.process}  did not respond: {one.error}" for one in told if one.error]
    return lines or ["no process was found"]


def sessions(told: Sequence[Reply], wanted: str) -> list[str]:
    """Return the lines that show the sessions which were asked for."""
    rows, more = [], 0
    for one in told:
        found = one.said.get("found")
        rows += [_session(one, each) for each in found] if isinstance(found, list) else []
        more += _number(one.said, "more")
    lines = _table(_SESSIONS, rows)
    if more:
        lines.append(f"{more:,} more begin with {wanted}")
    if not rows:
        lines.append(f"no process that responded has a session {wanted}")
    lines += [f"{one.process}  did not respond: {one.error}" for one in told if one.error]
    return lines


def _process(told: Reply) -> list[str]:
    said = told.said
    going = " (draining)" if said.get("draining") is True else ""
    return [
        told.process,
        _text(said, "host"),
        _text(said, "pid"),
        age(_number(said, "age")),
        f"{_number(said, 'sessions'):,}{going}",
        f"{_number(said, 'links'):,}",
        *(f"{_inside(said, 'calls', role):,}" for role in ("owner", "relay")),
        *_traffic(said),
        _carriers(said),
    ]


def _session(told: Reply, said: Any) -> list[str]:
    if not isinstance(said, dict):
        said = {}
    return [
        _text(said, "session"),
        told.process,
        _text(said, "state"),
        *_traffic(said),
        f"{_number(said, 'unread'):,}",
        size(_number(said, "unacknowledged")),
        _carriers(said),
    ]


def _traffic(said: dict[str, Any]) -> list[str]:
    return [
        *(f"{_inside(said, 'messages', way):,}" for way in ("in", "out")),
        *(size(_inside(said, "bytes", way)) for way in ("in", "out")),
    ]


def _carriers(said: dict[str, Any]) -> str:
    carriers = said.get("carriers")
    if not isinstance(carriers, dict):
        return ""
    return ", ".join(f"{_clean(name)} {number}" for name, number in sorted(carriers.items()))


def _number(said: dict[str, Any], key: str) -> int:
    value = said.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0


def _inside(said: dict[str, Any], key: str, inner: str) -> int:
    value = said.get(key)
    return _number(value, inner) if isinstance(value, dict) else 0


def _text(said: dict[str, Any], key: str) -> str:
    return _clean(said.get(key, ""))


def _clean(value: object) -> str:
    """Return what may be printed: another process' text must not move the cursor."""
    return "".join(one if one.isprintable() else "?" for one in str(value))[:64]


def age(seconds: float) -> str:
    """Say how long something has been there, in its two largest units."""
    for unit, length, smaller, small in (("d", 86400, "h", 3600), ("h", 3600, "m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit} {int(seconds % length // small)}{smaller}"
    return f"{int(seconds // 60)}m {int(seconds % 60)}s" if seconds >= 60 else f"{int(seconds)}s"


def size(number: int) -> str:
    """Say how many bytes."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    return [
        "  ".join(
            f"{cell:<{width}}" if head in _LEFT else f"{cell:>{width}}"
            for cell, width, head in zip(row, widths, heads, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]
