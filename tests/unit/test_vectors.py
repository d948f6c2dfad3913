"""Test vectors: the Python and the JavaScript code answer the same questions alike."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.play import play

ROOT = Path(__file__).resolve().parents[2]
VECTORS = sorted((ROOT / "tests" / "vectors").glob("*.json"))


def cases(path: Path) -> list[dict[str, Any]]:
    """Read the cases of one kind."""
    found: list[dict[str, Any]] = json.loads(path.read_text())
    assert found
    return found


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_python_code_answers_as_it_is_written_down(path: Path) -> None:
    for one in cases(path):
        answer = json.loads(json.dumps(play(path.stem, one["asked"])))
        assert answer == one["answer"], one["name"]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_javascript_code_answers_as_it_is_written_down(path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        ["node", ROOT / "tests" / "vectors" / "play.mjs", path.stem],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["cases"] == len(cases(path))
    assert told["wrong"] == []


def test_the_vectors_are_what_the_script_writes() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make-vectors", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
