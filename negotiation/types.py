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


def blocked(one: Evidence, passes: frozenset[str], who: str) -> tuple[str, str] | None:
    """Return why a response was blocked for its type and what to do; None where it was not.

    Args:
        one: what was seen of a transport, which did not open.
        passes: the types of which responses came through, to the same kind of request.
        who: the product that gave the answer, "" where nothing tells.
    """
    kind = _TYPE.get(one.transport)
    if kind is None or not passes or kind in passes or one.mark or one.status not in PAGES:
        return None
    shown = " and ".join(f"`{name}`" for name in sorted(passes))
    return (
        f"The POST passed; its response was replaced by one with status {one.status} by "
        f"{who or 'something on the way'}, which blocks responses of the type `{kind}`: those of "
        f"{shown} pass.",
        f"Who runs the gateway: take this host out of the file-type policy, or allow `{kind}`. "
        "Sessions go on over what passes by themselves.",
    )
