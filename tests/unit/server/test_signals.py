"""Signals that an event loop handles itself: an endpoint hears of them first."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.process import ROOT

HEARS, KNOW, STOPS = "endpoint hears", "clients know", "server stops"

SEEN = {
    "first": [HEARS, "user signal", KNOW, STOPS],
    "impatient": [HEARS, STOPS, STOPS],
    "two": [HEARS, HEARS, KNOW, KNOW, STOPS],
    "late": [HEARS, KNOW, STOPS],
    "removed": [STOPS],
    "nested": [HEARS, KNOW, STOPS],
    "forked": ["child ended with 7"],
}


@pytest.mark.skipif(sys.platform == "win32", reason="event loops handle no signals there")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("what", SEEN)
def test_what_is_heard_in_which_order(loop: str, what: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.apps.signalled", loop, what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.stdout.splitlines(), done.stderr) == (SEEN[what], "")
    assert done.returncode == 0
