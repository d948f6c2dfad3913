"""Where a class answers otherwise than the standard demands: what browsers do, and what we cannot.

Knows: the cases by name and those answers.
Must not know: how an answer is come by.

Seen with Chromium 156, Firefox 153 and WebKitGTK 2.50. An entry that is no longer true fails
its test, so that it can be removed.
"""

from __future__ import annotations

from typing import Any, Final

FAILED: Final = ["error", 'close 1006 "" unclean']

# The standard has the connection fail, as RFC 6455 leaves to the client; only Chromium does.
_NONE_TAKEN: Final = {
    "subprotocols of which the server takes none": ["open", 'message "a,b"'],
}

# The standard sends 1000 with the reason.
_REASON_DROPPED: Final = {"closing with a reason and no code": 'close 1005 "" clean'}

# The overhead of the frames that are never sent is counted too.
_FRAMES_COUNTED: Final = {
    "sending after close()": [9, 20, 28, False],
    "sending after the end": [9, 17, 17],
    "sending after it has failed": [8, FAILED],
}

DIFFERENT: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("chromium", "native"): {
        # `undefined` counts as 0 here as soon as there is a reason.
        "closing with a reason and no code": (
            "failed: InvalidAccessError: Failed to execute 'close' on 'WebSocket': "
            "The close code must be either 1000, or between 3000 and 4999. 0 is neither."
        ),
    },
    ("firefox", "native"): {
        "an empty address is the page's own": (
            "failed: SyntaxError: An invalid or illegal string was specified"
        ),
        **_NONE_TAKEN,
        **_REASON_DROPPED,
    },
    ("webkit", "native"): {
        **_NONE_TAKEN,
        **_REASON_DROPPED,
        **_FRAMES_COUNTED,
        # What waits for a Blob to be read is lost with it.
        "a Blob sent just before the end arrives": [],
        # The library under it knows no code after 1011, and takes it for an error.
        "the server closes with 1012": ['close 1006 "" unclean', 3],
    },
}
"""The answers by browser and kind of class ("native" or "byway"), then by case."""

BYWAY: Final[dict[str, Any]] = {
    # No script can make an event that is.
    "events are trusted": [False, False, False],
}
"""The answers of byway's class in every browser."""


def answer(browser: str, kind: str, name: str, standard: Any) -> Any:
    """Return what a class has to answer in a case: what the standard demands, or what is listed."""
    everywhere = BYWAY if kind == "byway" else {}
    return DIFFERENT.get((browser, kind), {}).get(name, everywhere.get(name, standard))
