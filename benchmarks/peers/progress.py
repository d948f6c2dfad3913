"""How far a run is.

Knows: a terminal, or a file in place of one.
Must not know: what is measured.
"""

from __future__ import annotations

from typing import TextIO


class Progress:
    """Says which step a run is at; in a terminal also how far that is, on one line."""

    def __init__(self, stream: TextIO) -> None:
        """Say nothing yet."""
        self._stream = stream
        self._live = stream.isatty()
        self._step = ""

    def step(self, name: str) -> None:
        """Begin a step."""
        self._step = name
        self._write("\r\033[K" if self._live else "", name, "" if self._live else "\n")

    def done(self, number: int, total: int) -> None:
        """Say that so many parts of the step are done."""
        if self._live:
            self._write("\r\033[K", f"{self._step}: {number} of {total}", "")

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            self._write("\r\033[K", "", "")

    def _write(self, before: str, text: str, after: str) -> None:
        self._stream.write(f"{before}{text}{after}")
        self._stream.flush()
