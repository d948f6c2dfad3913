"""The examples of the fixtures run as they stand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.process import ROOT


@pytest.mark.parametrize(
    ("example", "tests"), [("test_behind_a_proxy.py", 5), ("test_starlette_chat.py", 5)]
)
def test_the_example_passes(example: str, tests: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"examples/{example}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tests} passed" in done.stdout
