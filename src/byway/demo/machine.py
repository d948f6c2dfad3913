"""The machine's own figures: processor, memory, load and network, as Linux tells them.

Knows: /proc.
Must not know: who looks at the figures.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

Figures = dict[str, float]
"""Names of figures and their values: shares of 1, bytes, bytes a second, or plain numbers."""


class Machine:
    """Reads the figures; those that are rates are since it was read before."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        """Begin to count.

        Args:
            proc: where Linux tells them. Elsewhere nothing is there, and all are left out.
        """
        self._proc = proc
        self._time = time.monotonic()
        self._ticks = self._read_ticks()
        self._bytes = self._read_bytes()

    def figures(self) -> Figures:
        """Return what this system tells; a figure that it does not is left out."""
        found: Figures = {}
        now = time.monotonic()
        seconds, self._time = now - self._time, now
        ticks, before = self._read_ticks(), self._ticks
        if ticks and before and ticks[1] > before[1]:
            found["cpu"] = (ticks[0] - before[0]) / (ticks[1] - before[1])
            found["cores"] = float(os.cpu_count() or 1)
        self._ticks = ticks
        found.update(self._memory())
        if hasattr(os, "getloadavg"):  # Windows has none
            found["load1"], found["load5"], found["load15"] = os.getloadavg()
        counted, counted_before = self._read_bytes(), self._bytes
        if counted and counted_before and seconds > 0:
            for name, value in counted.items():
                found[name] = max(0.0, value - counted_before.get(name, value)) / seconds
        self._bytes = counted
        return found

    def _lines(self, name: str) -> list[str]:
        try:
            return (self._proc / name).read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return []

    def _read_ticks(self) -> tuple[int, int] | None:
        """Return the ticks that the processors worked, and all of them (proc_stat(5))."""
        for line in self._lines("stat"):
            if line.startswith("cpu "):
                # guest and guest_nice, the last two, are in user and nice already
                ticks = [int(one) for one in line.split()[1:9]]
                idle = sum(ticks[3:5])
                return sum(ticks) - idle, sum(ticks)
        return None

    def _memory(self) -> Figures:
        sizes = {
            name: float(rest.split()[0]) * 1024
            for name, _, rest in (line.partition(":") for line in self._lines("meminfo"))
            if name in ("MemTotal", "MemAvailable")
        }
        if len(sizes) < 2:
            return {}
        total = sizes["MemTotal"]
        return {"memory": total - sizes["MemAvailable"], "memoryTotal": total}

    def _read_bytes(self) -> dict[str, float]:
        """Return the bytes that came, that went, and that never left the machine."""
        counted: dict[str, float] = {"networkIn": 0, "networkOut": 0, "loopback": 0}
        lines = self._lines("net/dev")[2:]  # two lines of heads
        for line in lines:
            name, _, rest = line.partition(":")
            fields = rest.split()
            if name.strip() == "lo":
                counted["loopback"] += float(fields[0])
            else:
                counted["networkIn"] += float(fields[0])
                counted["networkOut"] += float(fields[8])
        return counted if lines else {}
