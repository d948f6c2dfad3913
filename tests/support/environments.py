"""The other environments of Python that tests run in; `make environments` makes them.

Knows: where each is.
Must not know: how they are made (scripts/environment), what runs in them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.process import ROOT, part_is_missing

LIMIT = 900.0
"""Seconds that a run of tests in another environment may take."""


def python_of(name: str) -> Path:
    """Return the path of an environment's Python.

    It skips the test where the environment was not made, or fails it where BYWAY_REQUIRE_PARTS=1.

    Args:
        name: one of `ENVIRONMENTS` in the Makefile. `py312` and `py313` have byway and what its
            tests need, on that Python, in current releases.
    """
    folder = Path(sys.prefix) / name
    if not (folder / ".set-up").exists():
        part_is_missing(f"{folder} was not made (make environments says why)")
    return folder / "bin" / "python"


def uv() -> Path:
    """Return the path of uv, which made the environments."""
    return Path(sys.prefix) / "bin" / "uv"


def run_tests(name: str, *arguments: str, library: str = "httpx") -> int:
    """Run tests of this checkout in another environment, and return how many passed.

    Args:
        name: see `python_of`.
        arguments: of pytest.
        library: what `BYWAY_HTTP` says there; "" for the library that is used by default.

    Raises:
        AssertionError: one of them failed.
    """
    # A run of its own: not a process of the run that asks for it.
    env = {key: one for key, one in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [python_of(name), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**env, "BYWAY_HYPOTHESIS": "brief", "BYWAY_HTTP": library},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"in {name}:\n{done.stdout[-20_000:]}"
    found = re.search(r"(\d+) passed", done.stdout)
    assert found, done.stdout
    return int(found[1])
