"""Ctrl-C: a run of the tests ends, with all that its tests have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.interrupt import MARK
from tests.support.process import ROOT

TESTS = """
import asyncio, os, subprocess, sys

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

def started(pid):
    with open(os.environ["STARTED"], "w") as told:
        told.write(f"{pid}\\n")

async def test_that_takes_a_cancellation_for_a_failure():
    started(subprocess.Popen(SLEEP, start_new_session=True).pid)
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        raise ValueError

async def test_whose_child_has_left_an_orphan():
    command = f"import subprocess; print(subprocess.Popen({SLEEP}, start_new_session=True).pid)"
    child = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
    started(child.stdout.readline().strip())
    await asyncio.sleep(600)

async def test_that_comes_next():
    await test_that_takes_a_cancellation_for_a_failure()
"""


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told on Linux only")
@pytest.mark.parametrize(
    ("options", "children"), [(["-n2"], 2), (["-n0"], 1)], ids=["in processes", "in one"]
)
def test_an_interrupt_ends_the_run_and_leaves_nothing_behind(
    tmp_path: Path, options: Sequence[str], children: int
) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    told = tmp_path / "started"
    os.mkfifo(told)
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    environment |= {"STARTED": str(told), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.interrupt", *options]
    run = subprocess.Popen(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # Opened for both, so that it has no end between two that write.
        with open(os.open(told, os.O_RDWR)) as lines:
            pids = [int(lines.readline()) for _ in range(children)]
        assert all(map(runs, pids))
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=30)
        assert run.returncode == pytest.ExitCode.INTERRUPTED, output
        assert "failed" not in output
        assert not any(map(runs, pids))
    finally:
        run.kill()
        run.communicate()
