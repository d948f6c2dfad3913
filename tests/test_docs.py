"""Documentation says what the code does: included examples, generated pages, links."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.process import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TEXTS = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES}
INCLUDED = re.compile(r"<!-- (examples/\S+) -->\n```python\n(.*?)```", re.S)


def test_the_examples_in_the_readme_are_the_files() -> None:
    found = INCLUDED.findall((ROOT / "README.md").read_text())
    assert [name for name, _ in found] == ["examples/endpoint_server.py", "examples/client.py"]


CONFIGURATION = re.compile(
    r"<!-- ((?:tests/proxies/configs|docs/deploy)/\S+) -->\n```\w+\n(.*?)```", re.S
)
LINK = re.compile(r"\]\((?![^)]*://)([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`(test_\w+)`")


def having(pattern: re.Pattern[str]) -> list[str]:
    """Return the pages that hold what a test is about, since a loop over nothing shows nothing."""
    return [page for page, text in TEXTS.items() if pattern.search(text)]


def test_there_are_pages_to_check() -> None:
    assert "README.md" in having(INCLUDED)
    assert "docs/how-to/nginx.md" in having(CONFIGURATION)
    assert len(having(LINK)) > 15
    assert "docs/explanation/security.md" in having(NAMED)


@pytest.mark.parametrize("page", having(INCLUDED))
def test_included_examples_are_the_files(page: str) -> None:
    for name, code in INCLUDED.findall(TEXTS[page]):
        _, _, body = (ROOT / name).read_text().partition('"""\n\n')
        assert code == body, f"{page} does not hold {name} as it is"


@pytest.mark.parametrize("page", having(CONFIGURATION))
def test_included_configurations_are_the_files_that_are_tested(page: str) -> None:
    for name, text in CONFIGURATION.findall(TEXTS[page]):
        assert text == (ROOT / name).read_text(), f"{page} does not hold {name} as it is"


def test_the_limits_page_is_made_from_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "limits-page", "--check"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", having(LINK))
def test_links_lead_to_files(page: str) -> None:
    for target in LINK.findall(TEXTS[page]):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


TESTS = {
    name
    for file in ROOT.glob("tests/**/test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.M)
}
TABLES = ["docs/explanation/security.md", "docs/reference/limits.md"]


@pytest.mark.parametrize("page", having(NAMED))
def test_tests_that_a_page_names_are_there(page: str) -> None:
    assert not set(NAMED.findall(TEXTS[page])) - TESTS


@pytest.mark.parametrize("page", TABLES)
def test_each_threat_and_each_bound_names_its_test(page: str) -> None:
    rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| ")]
    wanting = [row for row in rows if not NAMED.search(row) and " --- " not in row]
    heads = [row for row in wanting if row.endswith(("| the test |", "| a test |"))]
    assert wanting == heads, "else a row names no test"
    assert len(rows) > 20
