"""Negotiation: which transports are tried, in which order, and which are offered.

Knows: transports by their names.
Must not know: how a transport carries frames.
"""

from byway.negotiation.memory import Memory
from byway.negotiation.offer import Offer
from byway.negotiation.preference import DEFAULT_ORDER, Preference
from byway.negotiation.race import Race
from byway.negotiation.runner import Start, Stop, Use
from byway.negotiation.silence import Silence

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
