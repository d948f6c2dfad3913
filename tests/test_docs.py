"""Documentation says what the code does: included examples, generated pages, links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
INCLUDED = re.compile(r"<!-- (examples/\S+) -->\n```python\n(.*?)```", re.S)


def test_the_examples_in_the_readme_are_the_files() -> None:
    found = INCLUDED.findall((ROOT / "README.md").read_text())
    assert [name for name, _ in found] == ["examples/endpoint_server.py", "examples/client.py"]
    for name, code in found:
        _, _, body = (ROOT / name).read_text().partition('"""\n\n')
        assert code == body, f"README.md does not hold {name} as it is"


def test_the_limits_page_is_made_from_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "limits-page", "--check"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
