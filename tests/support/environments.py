"""The other environments of Python that tests run in; `make environments` makes them.

Knows: where each is.
Must not know: how they are made (scripts/environment), what runs in them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.process import part_is_missing


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
