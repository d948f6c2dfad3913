"""Notes: what was seen of a transport beside the verdict on it.

Knows: loss, repetition, speed, and how numbers are written.
Must not know: verdicts, what other transports show.
"""

from __future__ import annotations

from typing import Final

from byway.limits import KIB
from byway.negotiation.evidence import Evidence
from byway.negotiation.products import product

SLOW_ECHO: Final = 32 * KIB
"""Bytes a second, echoed, below which a path is called slow."""

SLOW_TRIP: Final = 0.3
"""Seconds of a round trip above which a path is called slow."""


def notes_on(one: Evidence, why: str) -> tuple[str, ...]:
    """Say what was seen beside the verdict.

    Args:
        one: what was seen.
        why: what is said of it already.
    """
    notes: list[str] = []
    if one.opened is not None:
        if one.lost or one.lost_batches:
            count = one.lost + one.lost_batches
            notes.append(
                f"The network lost {count} request{'s' if count > 1 else ''}, which had to be "
                "repeated."
            )
        elif one.repeats:  # otherwise the client itself has repeated them
            notes.append("Requests reached the server twice: the network repeats some of them.")
        if one.away:
            times = "once" if one.away == 1 else f"{one.away} times"
            notes.append(f"The server was down at first: something on the way said so {times}.")
        if one.text_only:
            notes.append(
                "Responses of type `application/octet-stream` are blocked, so the text form is "
                "used."
            )
        if one.batch_status == 413:
            notes.append("Longer requests are refused (413), so shorter ones are used.")
        # A round trip that was measured beside other transports may be slow for them.
        if one.trip is not None and one.trip >= SLOW_TRIP:
            notes.append(f"It is slow: a round trip takes {one.trip:.1f} s.")
        if one.echo_time and one.echoed / one.echo_time < SLOW_ECHO:
            notes.append(
                f"It is slow: {one.echoed / one.echo_time / KIB:,.0f} KiB a second came back"
                f"{', and not all of it in time' if one.unfinished else ''}."
            )
        for watch, how in ((one.busy, "a message every second"), (one.silent, "no message")):
            if watch is not None and not watch.cut:
                notes.append(f"It stayed open for {time_text(watch.watched)} with {how}.")
    name = product(one.headers)
    if name and name not in why:
        notes.append(f"Its responses come through {name}.")
    return tuple(notes)


def time_text(seconds: float) -> str:
    """Return a number of seconds for reading."""
    return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"


def size_text(count: int) -> str:
    """Return a number of bytes for reading."""
    return f"about {count / KIB:.0f} KiB" if count >= 8 * KIB else "a few KiB"
