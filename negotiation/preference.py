"""Preference: the transports that one side is willing to use, best first.

Knows: the names in the registry.
Must not know: what became of any attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from byway.errors import UsageError
from byway.transports import REGISTRY

DEFAULT_ORDER: Final = tuple(REGISTRY)
"""All transports, the most capable first."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Names of transports, best first.

    Attributes:
        order: the names; at least one, none twice.
    """

    order: tuple[str, ...] = DEFAULT_ORDER

    @classmethod
    def of(cls, transports: Iterable[str] | None) -> Preference:
        """Check what a caller gave.

        Args:
            transports: names, best first; None for all.

        Raises:
            UsageError: a name is unknown or given twice, or there is none.
        """
        if transports is None:
            return cls()
        if isinstance(transports, str):
            raise UsageError(
                f"transports is a list of names, not the text {transports!r}: "
                f"write [{transports!r}]"
            )
        order = tuple(transports)
        if not order:
            raise UsageError("transports is empty: name at least one")
        for index, name in enumerate(order):
            if name not in REGISTRY:
                raise UsageError(f"unknown transport {name!r}: use {', '.join(DEFAULT_ORDER)}")
            if name in order[:index]:
                raise UsageError(f"transport {name!r} is named twice")
        return cls(order)
