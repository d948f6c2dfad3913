"""The library that makes HTTP requests: httpx, or httpx2, which continues it.

Knows: which of the two is installed, which one is asked for, and what stands below each.
Must not know: requests, transports.

Every other module imports `httpx`, `httpcore` and `AnyIOStream` from here. Both libraries have the
same interface, so the types are those of httpx, which is the declared dependency. httpx2 is used
where it is installed: it is maintained, while httpx has had no release since December 2024.

Neither is imported before something of it is used, since either takes longer than the rest of a
program: a server may never need it. `byway.client.loading` imports it in a thread before a client
does.

An environment variable forces one: `BYWAY_HTTP=httpx` or `BYWAY_HTTP=httpx2`. It is read once, when
this module is imported. If it asks for a library that cannot be used, another one is used instead.
`check_library` and `library_name` raise the error, where a program expects one.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
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


class _Library:
    """Stands in the place of the library, and imports it when something of it is used.

    Attributes:
        loaded: the library and what is wrong with `BYWAY_HTTP`; None before it was imported.
    """

    def __init__(self) -> None:
        self.loaded: tuple[ModuleType, str] | None = None
        self._lock = Lock()

    def load(self) -> tuple[ModuleType, str]:
        """Import the library, once.

        Raises:
            ImportError: there is none.
        """
        if self.loaded is None:
            with self._lock:
                if self.loaded is None:
                    self.loaded = _load(_asked)
        return self.loaded

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.load()[0], name)
        # Later uses find it here. What a module says of itself, such as `__name__`, may change.
        if not name.startswith("__"):
            setattr(self, name, found)
        return found


_library: Final = _Library()


def check_library() -> None:
    """See that the library that the environment asks for is installed, without importing it.

    Raises:
        UsageError: it is not.
        ImportError: none is.
    """
    if _library.loaded is not None:
        library_name()
    elif wrong := _wrong(_asked):
        raise UsageError(wrong)
    elif not any(find_spec(name) for name in INSTALL):
        raise ImportError(f"byway needs an HTTP library: {INSTALL['httpx']}")


def library_name() -> str:
    """Return the library in use, with its release: "httpx 0.28.1". It is imported for that.

    Raises:
        UsageError: the environment asks for one that cannot be had.
        ImportError: there is none.
    """
    library, wrong = _library.load()
    if wrong:
        raise UsageError(wrong)
    return f"{library.__name__} {library.__version__}"


if not TYPE_CHECKING:
    httpx = _library

    def __getattr__(name: str) -> Any:
        """Import what is below the library only where connections are opened: not in a server."""
        if name not in ("httpcore", "AnyIOStream"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # By the name that the module has itself: `httpx2.alias_httpx()` puts it in httpx's place.
        below = _BELOW[_library.load()[0].__name__]
        if name == "httpcore":
            return import_module(below)
        return import_module(f"{below}._backends.anyio").AnyIOStream
