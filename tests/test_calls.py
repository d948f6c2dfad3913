"""What one small echo costs in calls of Python functions, which no machine's speed changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRIES = 3
"""The least of so many counts. On a busy machine an upload may be given up, or a poll come late."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("transport", "most"), [("websocket", 80), ("stream", 100), ("poll", 245)])
def test_an_echo_passes_through_few_functions(transport: str, most: int) -> None:
    counts: list[float] = []
    for _ in range(TRIES):
        stations = counted(transport)
        counts.append(sum(number for name, number in stations.items() if " " in name))
        if counts[-1] <= most:
            assert all(number <= 70 for name, number in stations.items() if " " not in name)
            return
    raise AssertionError(f"{counts} calls over {transport}, of which there may be {most}")


def counted(transport: str) -> dict[str, float]:
    """Count once, in a process of its own: by station, and by kind of request on the server."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.calls", "--json", transport],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    numbers: dict[str, float] = json.loads(done.stdout)[transport]
    return numbers
