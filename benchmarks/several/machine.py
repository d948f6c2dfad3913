"""What processes have used: CPU and memory, read from Linux's /proc.

Knows: /proc.
Must not know: what the processes do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def can_measure() -> bool:
    """Say whether this system tells the time of a process to the nanosecond."""
    return (PROC / "self" / "schedstat").exists() and (PROC / "self" / "smaps_rollup").exists()


def cpu(pids: Iterable[int]) -> float:
    """Return the seconds of CPU that processes have used, with all their threads."""
    total = 0
    for pid in pids:
        for task in (PROC / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pids: Iterable[int]) -> int:
    """Return the bytes that processes take, what they share counted in parts (PSS)."""
    total = 0
    for pid in pids:
        found = re.search(r"^Pss:\s+(\d+) kB", (PROC / str(pid) / "smaps_rollup").read_text(), re.M)
        assert found is not None
        total += int(found[1]) * 1024
    return total


def family(pid: int) -> list[int]:
    """Return a process and those that it has started."""
    found = [pid]
    for one in found:
        children = (PROC / str(one) / "task" / str(one) / "children").read_text().split()
        found += [int(child) for child in children]
    return found
