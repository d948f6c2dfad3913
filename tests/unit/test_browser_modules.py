"""The modules of browser/src by themselves: their tests run in Node, their form is checked here."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.apps.browser_app import ROOT
from tests.support.process import find_program

SOURCES = sorted((ROOT / "browser" / "src").rglob("*.js"))


def test_what_they_decide_by_themselves() -> None:
    script = Path(__file__).with_name("browser_modules.test.mjs")
    command = [find_program("node"), "--test", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_is_short_and_says_what_it_knows() -> None:
    assert len(SOURCES) > 30
    for path in SOURCES:
        text = path.read_text()
        assert text.count("\n") <= 400, path
        header = text[: text.index("*/")]
        assert text.startswith("/**"), path
        assert " * Knows: " in header, path
        assert " * Must not know: " in header, path


def test_what_all_sockets_share_imports_nothing_of_one() -> None:
    for path in SOURCES:
        if path.parent.name == "instance":
            continue
        assert 'from "./instance/' not in path.read_text(), path
