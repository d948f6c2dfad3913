"""What is measured and tried on a probe while nothing else of the doctor's runs.

Knows: how fast round trips are, and what responds on other connections.
Must not know: when it is quiet, what any of it means.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from byway.doctor.probing import Probing
from byway.doctor.timing import least_trip
from byway.errors import ELSEWHERE, CarrierLost
from byway.negotiation.evidence import Evidence

TRIPS_TIME: Final = 6.0
"""Seconds that the round trips may take."""

CONNECTIONS: Final = 4
"""New connections on which the session is asked for. Where chance leads each to one of two
processes, all find the session in 6 of 100 runs, but hardly ever over all transports."""

CONNECTIONS_TIME: Final = 2.0
"""Seconds that all of them may take."""


async def measure(probing: Probing, seen: Evidence) -> None:
    """Measure the round trips of an open carrier, and write the least of them down."""
    deadline = asyncio.get_running_loop().time() + TRIPS_TIME
    seen.trip = await least_trip(probing, deadline)


async def look_for_others(probing: Probing, seen: Evidence) -> None:
    """Ask for the session on new connections, and count the processes that do not have it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CONNECTIONS_TIME):
            for _ in range(CONNECTIONS):
                if probing.over:
                    return
                try:
                    await probing.ask_again()
                except CarrierLost as error:
                    seen.strangers += error.gone == ELSEWHERE
