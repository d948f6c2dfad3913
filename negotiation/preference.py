"""Preference: the transports that one side is willing to use, best first, and their settings.

Knows: the names in the registry, and how a preference is written.
Must not know: what became of any attempt.

As text a preference is names with commas between them, each followed by its settings, with
semicolons before them: ``websocket, stream; patience=0.5, poll``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from byway.errors import UsageError
from byway.transports import REGISTRY

DEFAULT_ORDER: Final = tuple(REGISTRY)
"""All transports, the most capable first."""

VARIABLE: Final = "BYWAY_TRANSPORTS"
"""The environment variable that holds a client's preference where the caller names none."""

PATIENCE: Final = 0.25
"""Seconds that an attempt has to itself before the next starts beside it (RFC 8305, section 5)."""

PATIENCES: Final[Mapping[str, float]] = {"sse": 0.1}
"""Where a stream has not opened, sse seldom does: poll, which gets through, follows soon."""

PROMOTION_INTERVAL: Final = 30.0
"""Seconds after which transports that are better than the one in use are tried again."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Names of transports, best first, and how they are tried.

    Attributes:
        order: the names; at least one, none twice.
        patience: seconds that the attempt of a transport has to itself before the next starts
            beside it; 0.25 for those that are not named, 0.1 for sse.
        promotion_interval: seconds after which transports that are better than the one in use
            are tried again. It doubles with each time in vain, up to ten minutes.
    """

    order: tuple[str, ...] = DEFAULT_ORDER
    patience: Mapping[str, float] = field(default_factory=dict)
    promotion_interval: float = PROMOTION_INTERVAL

    def __post_init__(self) -> None:
        """Check the names and the numbers.

        Raises:
            UsageError: a name is unknown or given twice, there is none, a number is wrong, or
                something is of another type.
        """
        object.__setattr__(self, "order", _names(self.order))
        if not self.order:
            raise UsageError("no transport is named: name at least one")
        for index, name in enumerate(self.order):
            _known(name)
            if name in self.order[:index]:
                raise UsageError(f"transport {name!r} is named twice")
        if not isinstance(self.patience, Mapping):
            raise UsageError(f"patience is a dict of seconds by name, not {self.patience!r}")
        for name, seconds in self.patience.items():
            _known(name)
            if not (_is_number(seconds) and seconds >= 0):
                raise UsageError(f"the patience of {name!r} must be 0 or more seconds")
        if not (_is_number(self.promotion_interval) and self.promotion_interval > 0):
            raise UsageError("promotion_interval must be more than 0 seconds")

    @classmethod
    def of(cls, transports: Preference | str | Iterable[str] | None) -> Preference:
        """Take a preference in any form.

        Args:
            transports: a preference; a text; names, best first; or None for all.

        Raises:
            UsageError: it is malformed. The message names the part that is wrong.
        """
        if transports is None:
            return cls()
        if isinstance(transports, Preference):
            return transports
        if isinstance(transports, str):
            return _parse(transports)
        return cls(_names(transports))

    @classmethod
    def from_environment(cls) -> Preference:
        """Take a client's preference from `BYWAY_TRANSPORTS`; all transports where it is unset.

        Raises:
            UsageError: it is malformed.
        """
        text = os.environ.get(VARIABLE, "")
        if not text.strip():
            return cls()
        try:
            return _parse(text)
        except UsageError as error:
            raise UsageError(f"{VARIABLE}: {error}") from None

    def patience_with(self, name: str) -> float:
        """Return the seconds that the attempt of a transport has to itself."""
        return self.patience.get(name, PATIENCES.get(name, PATIENCE))


def _names(names: object) -> tuple[str, ...]:
    """Return names as a tuple; `_known` looks at each.

    Raises:
        UsageError: it is no list of anything, or a single text, which would be read by letters.
    """
    if not isinstance(names, Iterable) or isinstance(names, str | bytes):
        raise UsageError(f"the transports are a list of names, not {names!r}")
    return tuple(names)


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _known(name: object) -> None:
    if not isinstance(name, str) or name not in REGISTRY:
        raise UsageError(f"unknown transport {name!r}: use {', '.join(DEFAULT_ORDER)}")


def _parse(text: str) -> Preference:
    order: list[str] = []
    patience: dict[str, float] = {}
    for item in text.split(","):
        name, *settings = (part.strip() for part in item.split(";"))
        order.append(name)
        for setting in settings:
            key, equals, value = (part.strip() for part in setting.partition("="))
            if key != "patience" or not equals:
                raise UsageError(
                    f"unknown setting {setting!r} of transport {name!r}: use patience=SECONDS"
                )
            if name in patience:
                raise UsageError(f"the patience of {name!r} is given twice")
            try:
                patience[name] = float(value)
            except ValueError:
                raise UsageError(
                    f"the patience of {name!r} must be a number of seconds, not {value!r}"
                ) from None
    return Preference(tuple(order), patience)
