"""Forms of readers: in which form a reader wants what the handler sends, as events or as lines.

Knows: the paths of readers, and what `Accept` says (RFC 9110, section 12.5.1).
Must not know: sessions, how either form is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from byway.errors import UsageError

ReaderForm = Literal["lines", "events"]
"""How what the handler sends is written: an event stream, or one line a message."""

ReaderPaths = bool | ReaderForm | Mapping[str, ReaderForm] | Iterable[str]
"""Where a plain GET is answered, and in which form where the client names no preference.

True or a form: at all paths. A mapping gives each path its form; other iterables are paths. The
form is ``lines`` where none is given.
"""

EVENTS: Final = "events"
LINES: Final = "lines"

MAX_RANGES: Final = 32
"""Media ranges of an `Accept` that are looked at; browsers send up to eight."""


class ReaderForms:
    """Says whether a path has readers, and which form one of them gets."""

    def __init__(self, paths: ReaderPaths) -> None:
        """Keep the paths.

        Raises:
            UsageError: a form is unknown, or one text was given where paths were meant.
        """
        self._everywhere: ReaderForm | None = None
        self._paths: dict[str, ReaderForm] = {}
        if isinstance(paths, bool):
            self._everywhere = LINES if paths else None
        elif isinstance(paths, str):
            self._everywhere = _checked(paths)
        elif isinstance(paths, Mapping):
            self._paths = {_path(path): _checked(form) for path, form in paths.items()}
        elif isinstance(paths, Iterable):
            self._paths = {_path(path): LINES for path in paths}
        else:
            raise _unusable(paths)

    def at(self, path: str) -> ReaderForm | None:
        """Return the form at a path for clients without a preference; None if it has no readers."""
        return self._everywhere or self._paths.get(path)

    def choose(self, path: str, accept: bytes | None) -> ReaderForm:
        """Return the form for one client.

        Args:
            path: the path that it asks for.
            accept: the value of its `Accept`; None where it sends none.
        """
        default = self.at(path) or LINES
        if accept is None:
            return default
        ranges = _ranges(accept)
        events, lines = (_quality(ranges, one) for one in (b"text/event-stream", b"text/plain"))
        if events != lines:
            return EVENTS if events > lines else LINES
        named = {name for name, quality in ranges if quality}
        # `text/*` and `*/*` name neither.
        if b"text/event-stream" in named:
            return EVENTS
        return LINES if b"text/plain" in named else default


def _checked(form: str) -> ReaderForm:
    if form == EVENTS:
        return EVENTS
    if form == LINES:
        return LINES
    raise _unusable(form)


def _path(path: str) -> str:
    if not isinstance(path, str):
        raise _unusable(path)
    return path


def _unusable(given: object) -> UsageError:
    return UsageError(
        f"invalid readers= {given!r:.100}: give a list of paths, a mapping of paths to "
        f"{EVENTS!r} or {LINES!r}, one of the two for all paths, or a bool"
    )


def _ranges(accept: bytes) -> list[tuple[bytes, float]]:
    """Return the media ranges, in lower case and without parameters, with their qualities."""
    found: list[tuple[bytes, float]] = []
    for one in accept.lower().split(b",", MAX_RANGES)[:MAX_RANGES]:
        name, *parameters = (part.strip() for part in one.split(b";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith(b"q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        found.append((name, quality))
    return found


def _quality(ranges: list[tuple[bytes, float]], wanted: bytes) -> float:
    """Return the quality of a media type: that of the most specific range, 0 without one."""
    for name in (wanted, b"text/*", b"*/*"):
        qualities = [quality for one, quality in ranges if one == name]
        if qualities:
            return max(qualities)
    return 0.0
