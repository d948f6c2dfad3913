"""Negotiation: which transports are tried, in which order, and which are offered.

Knows: transports by their names.
Must not know: how a transport carries frames.
"""

from typing import TYPE_CHECKING

from byway.lazy import lazy

if TYPE_CHECKING:
    from byway.negotiation.memory import Memory
    from byway.negotiation.offer import Offer
    from byway.negotiation.preference import DEFAULT_ORDER, Preference
    from byway.negotiation.race import Race
    from byway.negotiation.runner import Start, Stop, Use
    from byway.negotiation.silence import Silence
else:
    # A server needs the offer only, and a client has no race before it connects.
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "DEFAULT_ORDER": "byway.negotiation.preference",
            "Memory": "byway.negotiation.memory",
            "Offer": "byway.negotiation.offer",
            "Preference": "byway.negotiation.preference",
            "Race": "byway.negotiation.race",
            "Silence": "byway.negotiation.silence",
            "Start": "byway.negotiation.runner",
            "Stop": "byway.negotiation.runner",
            "Use": "byway.negotiation.runner",
        },
    )

__all__ = [
    "DEFAULT_ORDER",
    "Memory",
    "Offer",
    "Preference",
    "Race",
    "Silence",
    "Start",
    "Stop",
    "Use",
]
