"""The closing handshake: the states of a session, and what may be said as its end.

Knows: which state follows which, and the bounds of a code and a reason (RFC 6455, section 7.4).
Must not know: frames, carriers, who closes first.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from byway.errors import UsageError
from byway.frames import valid_close_code

MAX_REASON: Final = 123
"""Bytes of a close reason (RFC 6455 section 5.5: a control frame holds 125, the code takes 2)."""


class State(Enum):
    """Where a session is in its life."""

    OPEN = "open"
    CLOSING = "closing"  # CLOSE was sent, the peer's is awaited
    CLOSED = "closed"  # CLOSE went both ways
    LOST = "lost"  # it ended without a closing handshake


class Step(Enum):
    """What leads from one state to the next."""

    CLOSE_SENT = "close()"
    CLOSE_RECEIVED = "the peer's CLOSE"
    ABORTED = "abort()"


_TRANSITIONS: Final = {
    (State.OPEN, Step.CLOSE_SENT): State.CLOSING,
    # The peer's CLOSE is answered in the same step (RFC 6455 section 5.5.1).
    (State.OPEN, Step.CLOSE_RECEIVED): State.CLOSED,
    (State.CLOSING, Step.CLOSE_RECEIVED): State.CLOSED,
    (State.OPEN, Step.ABORTED): State.LOST,
    (State.CLOSING, Step.ABORTED): State.LOST,
    (State.CLOSED, Step.ABORTED): State.LOST,
}


def after(state: State, step: Step) -> State:
    """Return the state that follows."""
    try:
        return _TRANSITIONS[state, step]
    except KeyError:
        raise AssertionError(f"{step.value} in state {state.value}") from None


def check_close(code: int, reason: str) -> None:
    """Say whether a session may be closed so.

    Raises:
        UsageError: the code may not travel, or the reason is over 123 bytes or no text of Unicode.
    """
    if not valid_close_code(code):
        raise UsageError(f"close code {code} may not be sent: use 1000 to 1014 or 3000 to 4999")
    try:
        size = len(reason.encode())
    except UnicodeEncodeError:
        raise UsageError("the close reason holds a lone surrogate") from None
    if size > MAX_REASON:
        raise UsageError(f"the close reason is longer than {MAX_REASON} bytes of UTF-8")
