"""Names that a package offers without importing the modules that have them (PEP 562).

Knows: how a name of a package becomes the module that has it, when it is first used.
Must not know: what any package offers.

Type checkers do not run this: a package imports its names under `if TYPE_CHECKING` for them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str, names: Mapping[str, str], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package.

    Args:
        package: its name.
        names: what it offers, and the module that has each.
        modules: modules of the package that are reached as its attributes without an import of
            their own, as they were when the package imported them itself.

    Returns:
        `__getattr__`, which imports a name's module at the first use and keeps the name in the
        package, and `__dir__`.
    """
    submodules = frozenset(modules)

    def get(name: str) -> Any:
        if (module := names.get(name)) is not None:
            found = getattr(import_module(module), name)
        elif name in submodules:
            found = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, found)
        return found

    def names_of() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names, *submodules})

    return get, names_of
