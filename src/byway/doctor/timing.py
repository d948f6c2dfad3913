"""Timing: how long a round trip takes on a probe, when nothing else is said on it.

Knows: that a PING can be sent again and again.
Must not know: how a probe is opened, what a time means.

One round trip says little: the machine may just be busy with the other transports. The least of
several is what the way takes.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from byway.doctor.probing import Probing

TRIPS: Final = 5
"""Round trips that are timed at most."""

PAUSE: Final = 0.05
"""Seconds between two."""


async def least_trip(probing: Probing, deadline: float) -> float | None:
    """Return the seconds of the shortest round trip; None where none came back in time.

    Args:
        probing: a probe that is proven.
        deadline: the time at which nothing more is waited for, on the loop's clock.
    """
    loop = asyncio.get_running_loop()
    least: float | None = None
    for _ in range(TRIPS):
        live = probing.live
        carrier = next((one for one in live.carriers.values() if one.opened.is_set()), None)
        if carrier is None or probing.over or loop.time() >= deadline:
            break
        core, started = carrier.core, loop.time()
        carrier.ping(secrets.token_bytes(8))
        if await probing.until(lambda: core.proven, deadline):  # noqa: B023 - it is awaited here
            took = loop.time() - started
            least = took if least is None else min(least, took)
        await probing.until(lambda: False, min(deadline, loop.time() + PAUSE))
    return least
