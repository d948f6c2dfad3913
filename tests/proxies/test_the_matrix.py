"""The matrix in docs/reference/proxies.md is what the other tests of this folder have seen."""

from __future__ import annotations

import re

import pytest

from tests.proxies.matrix import BEGIN, END, PAGE, SEEN, WRITES, table

# What a busy machine changes: times, and which carriers outlast a long silence.
MEASURED = re.compile(r"[\d.]+, [\d.]+, [\d.]+ \| [^|\n]* \|")


def test_the_page_says_what_was_seen() -> None:
    if not all(one.complete for one in SEEN.values()):
        pytest.skip("not every proxy was seen by every test")
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}{table()}\n{END}{after}"
    if WRITES:
        PAGE.write_text(wanted)
        return
    assert MEASURED.sub("", text) == MEASURED.sub("", wanted), (
        f"make proxy-matrix writes:\n{wanted}"
    )
