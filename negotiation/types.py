"""Types: whether a response was replaced for its content type, while the request passed.

Knows: which content types each transport's responses have, and who blocks some.
Must not know: how anything was seen, what else a status may mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from byway.negotiation.evidence import Evidence

BINARY: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"
TEXT: Final = "text/plain"

PAGES: Final = frozenset({*range(200, 400), 403, 406, 415})
"""Statuses of pages and redirects that stand in the place of a response."""

_TYPE: Final = {"stream": BINARY, "sse": EVENTS, "poll": BINARY}
"""The type of the response that opens a transport; polls have a text form as well."""


def passing(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Return the types of which responses came through."""
    found: set[str] = set()
    for one in evidence:
        carries = one.in_use or one.carried
        if one.transport not in _TYPE or (one.opened is None and not carries):
            continue
        found.add(TEXT if one.text_only else _TYPE[one.transport])
        if one.transport == "sse":
            found.add(EVENTS)
            if one.proven is not None:  # what went up was acknowledged
                found.add(TEXT if one.text_only else BINARY)
    return frozenset(found)


def blocked(one: Evidence, passes: frozenset[str], by: str) -> tuple[str, str] | None:
    """Return why a response was blocked for its type and what to do; None where it was not.

    Args:
        one: what was seen of a transport, which did not open.
        passes: the types of which responses came through, to the same kind of request.
        by: the product that sent the response, "" where nothing tells.
    """
    kind = _TYPE.get(one.transport)
    if kind is None or not passes or kind in passes or one.mark or one.status not in PAGES:
        return None
    shown = " and ".join(f"`{name}`" for name in sorted(passes))
    return (
        f"The POST passed, but {by or 'something on the way'} replaced its response by one with "
        f"status {one.status}: it blocks responses of type `{kind}`, and lets those of {shown} "
        "pass.",
        f"Ask whoever runs the gateway to exempt this host from the file-type policy, or to allow "
        f"`{kind}`. Sessions use what passes by themselves.",
    )
