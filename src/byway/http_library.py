"""The library that makes HTTP requests: httpx, or httpx2, which continues it.

Knows: which of the two is installed, which one is asked for, and what stands below each.
Must not know: requests, transports.

Every other module imports `httpx`, `httpcore` and `AnyIOStream` from here. Both libraries have the
same interface, so the types are those of httpx, which is the declared dependency. httpx2 is used
where it is installed: it is maintained, while httpx has had no release since December 2024.

An environment variable forces one: `BYWAY_HTTP=httpx` or `BYWAY_HTTP=httpx2`. It is read once, when
this module is imported. If it asks for a library that cannot be used, this import still succeeds,
with another library. `check_library` raises the error, where a program expects one.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from byway.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

    import httpcore as httpcore
    import httpx as httpx
    from httpcore._backends.anyio import AnyIOStream as AnyIOStream

VARIABLE: Final = "BYWAY_HTTP"
"""The environment variable that forces one of the libraries."""

INSTALL: Final = {"httpx2": "pip install 'byway[httpx2]'", "httpx": "pip install httpx"}
"""What installs each library. The first that is installed is used."""

_BELOW: Final = {"httpx2": "httpcore2", "httpx": "httpcore"}

logger: logging.Logger = logging.getLogger("byway.http_library")


def _wrong(asked: str) -> str:
    """Return what is wrong with the variable's value, "" for nothing."""
    if not asked:
        return ""
    if asked not in INSTALL:
        return f"{VARIABLE} is {asked!r}: set it to httpx or httpx2, or remove it"
    if find_spec(asked) is None:
        return f"{VARIABLE} asks for {asked}, which is not installed: {INSTALL[asked]}"
    return ""


def _load(asked: str) -> tuple[ModuleType, str]:
    """Import the library that is asked for, or the first that there is.

    Returns:
        the library, and what is wrong with `asked`, "" for nothing. If something is, the library is
        another one.

    Raises:
        ImportError: there is neither.
    """
    wrong = _wrong(asked)
    for name in [asked] if asked and not wrong else INSTALL:
        if find_spec(name) is None:
            continue
        try:
            return import_module(name), wrong
        except ImportError as error:
            if asked == name:
                wrong = f"{VARIABLE} asks for {name}, which cannot be imported: {error}"
            else:
                logger.warning("%s is installed, but cannot be imported: %s", name, error)
    if wrong:
        return _load("")[0], wrong
    raise ImportError(f"byway needs an HTTP library: {INSTALL['httpx']}")


_asked: Final = os.environ.get(VARIABLE, "").strip()
_loaded, _error = _load(_asked)

NAME: Final = f"{_loaded.__name__} {_loaded.__version__}"
"""The library in use, with its release: "httpx 0.28.1"."""


def check_library() -> str:
    """Return the library in use, with its release.

    Raises:
        UsageError: the environment asks for one that cannot be had.
    """
    if _error:
        raise UsageError(_error)
    return NAME


if not TYPE_CHECKING:
    httpx = _loaded

    def __getattr__(name: str) -> Any:
        """Import what is below the library only where connections are opened: not in a server."""
        # By the name that the module has itself: `httpx2.alias_httpx()` puts it in httpx's place.
        below = _BELOW[_loaded.__name__]
        if name == "httpcore":
            return import_module(below)
        if name == "AnyIOStream":
            return import_module(f"{below}._backends.anyio").AnyIOStream
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
