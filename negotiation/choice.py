"""Choice: what a session was not allowed to try says nothing about the path.

Knows: the default order, a session's own order, what is remembered.
Must not know: where a memory is kept, sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from byway.negotiation.preference import DEFAULT_ORDER

EVERYTHING: Final = DEFAULT_ORDER
"""The order of a session that may try everything."""


def excluded(transport: str, order: Sequence[str]) -> tuple[str, ...]:
    """Return the transports that are better than one and were not tried before it, by choice.

    Args:
        transport: the one that works.
        order: those that the session may try, best first.
    """
    if transport not in DEFAULT_ORDER:
        return ()
    tried = order[: order.index(transport)] if transport in order else ()
    better = DEFAULT_ORDER[: DEFAULT_ORDER.index(transport)]
    return tuple(name for name in better if name not in tried)


def may_replace(
    before: str, before_excluded: Sequence[str], now: str, order: Sequence[str]
) -> bool:
    """Say whether what a session found out may take the place of what is remembered.

    Not where the session was not allowed to use what is remembered: that may well still work. But
    what the earlier session was not allowed to try is news.

    Args:
        before: the transport that is remembered.
        before_excluded: what that session was not allowed to try.
        now: the transport that works now.
        order: those that this session may try.
    """
    return before in order or now in before_excluded


def tells(before_excluded: Sequence[str], order: Sequence[str]) -> bool:
    """Say whether what is remembered tells a session what to begin with.

    Not where it may try what the earlier one was not allowed to, and what is better.
    """
    return not any(name in order for name in before_excluded)
