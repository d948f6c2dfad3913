"""The text that the demonstration sends: a file of the user's, or licences found here.

Knows: where a Python keeps its licence and those of its packages.
Must not know: what is done with the text.
"""

from __future__ import annotations

import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

from byway.errors import UsageError


def read_lines(path: Path | None) -> list[str]:
    """Return the lines of a file, by default of the running Python's licence texts.

    Raises:
        UsageError: the file cannot be read, is not UTF-8, or is empty.
    """
    if path is None:
        lines = _licences()
        if not lines:
            raise UsageError("this Python has no licence texts; name a text with --file")
        return lines
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    if not lines:
        raise UsageError(f"{path} is empty")
    return lines


def _licences() -> list[str]:
    texts: list[str] = []
    for folder in (sysconfig.get_path("stdlib"), sys.base_prefix):
        path = Path(folder) / "LICENSE.txt"
        if path.is_file():
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
            break
    for distribution in sorted(distributions(), key=lambda one: one.name or ""):
        for file in distribution.files or ():
            if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
                path = Path(str(distribution.locate_file(file)))
                if path.is_file() and path.suffix != ".py":
                    texts.append(path.read_text(encoding="utf-8", errors="replace"))
    return [line for text in texts for line in text.splitlines()]
