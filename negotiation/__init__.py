"""Negotiation: which transports are tried, in which order, and which are offered.

Knows: transports by their names.
Must not know: how a transport carries frames.
"""

from byway.negotiation.offer import Offer
from byway.negotiation.preference import DEFAULT_ORDER, Preference
from byway.negotiation.race import Race, Start, Stop, Use

__all__ = ["DEFAULT_ORDER", "Offer", "Preference", "Race", "Start", "Stop", "Use"]
