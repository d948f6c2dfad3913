"""The codes that the browser's module says, in front of a sentence or alone (browser/src/codes.js).

Knows: how a text with a code begins.
Must not know: when a code is said.
"""

from __future__ import annotations

import re
from typing import Final

from tests.apps.browser_app import ROOT

TEXT: Final = (ROOT / "browser" / "src" / "codes.js").read_text()
CODES: Final[dict[str, int]] = {
    name: int(code) for name, code in re.findall(r"\b([A-Z_]+) = (\d+)", TEXT)
}
"""Each code by its name."""


def code(text: str | None) -> str | None:
    """Return the name of the code that a text begins with; none of None."""
    if text is None:
        return None
    found = re.match(r"B(\d+)\b", text)
    assert found, f"no code: {text!r}"
    names = [name for name, number in CODES.items() if number == int(found[1])]
    return names[0]
