"""The choice: which backplane is meant by what was given as `backplane=`.

Knows: the ways to name one, and the environment.
Must not know: how any of them works, requests.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, Final

from byway.backplane.base import Backplane
from byway.backplane.nothing import NoBackplane
from byway.errors import UsageError
from byway.limits import ServerLimits

VARIABLE: Final = "BYWAY_BACKPLANE"
"""The environment variable that says what `backplane=` would, where that is not given."""

BackplaneSpec = str | bool | Backplane | Callable[[str], Backplane] | None
"""What may be given: None finds the workers of this server by itself; False is none; `unix:DIR`
joins the processes that name this directory; `redis://…` and `rediss://…` those on one Redis; else
a backplane, or what makes one, given the name of this process."""

_KINDS: Final = ("unix:", "redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://")
_OFF: Final = ("off", "none")
_WANTED: Final = "unix:DIR, redis://…, rediss://…, a Backplane, or False for none"


def resolve(spec: BackplaneSpec) -> BackplaneSpec:
    """Return what was given, or what the environment says in its place.

    Raises:
        UsageError: it is none of what may be given.
    """
    where = "backplane"
    if spec is None and (said := os.environ.get(VARIABLE, "").strip()):
        spec, where = said, VARIABLE
    if isinstance(spec, str):
        if spec.lower() in _OFF:
            return False
        if not spec.startswith(_KINDS) or spec == "unix:":
            # A URL may hold a password, so it is not repeated.
            raise UsageError(f"{where} must be {_WANTED}")
    elif not (spec is None or spec is False or isinstance(spec, Backplane) or callable(spec)):
        raise UsageError(f"{where} must be {_WANTED}")
    return spec


def choose(spec: BackplaneSpec, name: str, limits: ServerLimits) -> Backplane:
    """Make the backplane that is meant, for the process of this name.

    Args:
        spec: what `resolve` returned.
        name: of this process.
        limits: bounds of its links.

    Raises:
        UsageError: what it needs is not installed, or not here.
    """
    if spec is False:
        return NoBackplane(name)
    if isinstance(spec, Backplane):
        spec.name = name
        return spec
    if spec is None:
        return _workers(name, None, limits)
    if isinstance(spec, str):
        kind, _, rest = spec.partition(":")
        if kind == "unix":
            return _workers(name, rest.removeprefix("//"), limits)
        return _redis(name, spec, limits)
    if (bind := getattr(spec, "bind", None)) is not None:  # RedisBackplane, with its options
        bound: Backplane = bind(name, limits)
        return bound
    assert callable(spec)
    return spec(name)


def _workers(name: str, directory: str | None, limits: ServerLimits) -> Backplane:
    module: Any = _imported("byway.backplane.workers")
    if module is None or (directory is None and not module.has_siblings()):
        return NoBackplane(name)
    backplane: Backplane = module.WorkersBackplane(name, directory=directory, limits=limits)
    return backplane


def _redis(name: str, url: str, limits: ServerLimits) -> Backplane:
    module: Any = _imported("byway.backplane.redis")
    if module is None:
        raise UsageError(
            "a backplane over Redis needs the package redis: pip install 'byway[redis]'"
        )
    backplane: Backplane = module.RedisBackplane(url).bind(name, limits)
    return backplane


def _imported(module: str) -> Any:
    """Import what only some processes need; None where it, or what it needs, is not there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
