"""The context: the parts that one endpoint serves its calls with.

Knows: which parts there are.
Must not know: what any of them does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from byway.limits import ServerLimits
from byway.negotiation.offer import Offer
from byway.server.admission import Admission
from byway.server.application import Application
from byway.server.bodies import Bodies
from byway.server.call import Call
from byway.server.counts import Counts
from byway.server.draining import Draining
from byway.server.origin import OriginPolicy
from byway.server.readers import Readers
from byway.server.refusal_log import RefusalLog
from byway.server.sharing import Sharing


@dataclass(slots=True)
class Context:
    """The parts of one endpoint.

    Attributes:
        app: the application.
        limits: bounds.
        offer: the transports that are offered.
        origins: which pages may call.
        admission: finds and opens sessions.
        sharing: what is shared with other processes.
        draining: how it stops.
        readers: the paths of readers, and how they are served.
        bodies: reads request bodies.
        refusal_log: how loudly a refusal is logged.
        counts: what was done, in numbers.
        plain: serves WebSockets that do not speak byway; None where the application does.
    """

    app: Application
    limits: ServerLimits
    offer: Offer
    origins: OriginPolicy
    admission: Admission
    sharing: Sharing
    draining: Draining
    readers: Readers
    bodies: Bodies
    refusal_log: RefusalLog
    counts: Counts
    plain: Entrance | None = None


Entrance = Callable[[Call, Context], Awaitable[None]]
"""Serves calls of one kind. It raises PeerError for what the peer does wrong."""
