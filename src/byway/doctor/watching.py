"""The idle watch: two more probes of a transport, one that talks and one that is silent.

Knows: what is said on each, and when it counts as cut.
Must not know: what else is tried, what a cut means.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from byway.doctor.probing import Probing, Way
from byway.errors import ChannelClosed
from byway.negotiation.evidence import Evidence, Watch
from byway.transports import REGISTRY

BEYOND: Final = 2.0
"""Part by which a silent watch asks for more silence than it watches."""

SECOND: Final = 1.0
"""Seconds between two messages of a busy watch."""


async def watch_idle(
    transport: str, way: Way, seen: Evidence, *, timeout: float, idle: float
) -> None:
    """Watch, and write down what is seen. Whoever cancels it has what was seen by then.

    Args:
        transport: name of the transport.
        way: the way to the server.
        seen: where it is written down.
        timeout: seconds that opening may take.
        idle: seconds to watch.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch(transport, way, seen, timeout, idle, busy=True))
        group.create_task(_watch(transport, way, seen, timeout, idle, busy=False))


async def _watch(
    transport: str, way: Way, seen: Evidence, timeout: float, idle: float, *, busy: bool
) -> None:
    loop = asyncio.get_running_loop()
    # A poll is answered within a heartbeat, whatever is asked, so it is never silent longer.
    quiet = not busy and REGISTRY[transport].ordered
    watch = Watch(seconds=idle)
    async with Probing(
        transport, way, timeout=timeout, silence=BEYOND * idle if quiet else 0.0
    ) as probing:
        deadline = loop.time() + timeout
        if not await probing.prove(deadline):
            return
        assert probing.opened is not None
        with contextlib.suppress(ChannelClosed):
            await probing.live.send("hello")
        await probing.until(lambda: probing.messages > 0, deadline)
        begun = probing.opened if busy else loop.time()
        end = begun + idle
        if busy:
            seen.busy = watch
        else:
            seen.silent = watch
        try:
            while busy and not probing.over and loop.time() < end:
                with contextlib.suppress(ChannelClosed):
                    await probing.live.send("still here")
                pause = loop.time() + min(SECOND, idle / 4)
                await probing.until(lambda: False, min(pause, end))
            await probing.until(lambda: False, end)
        finally:
            if probing.over and probing.losses and probing.closed is None:
                watch.cut = True
                watch.watched = probing.losses[-1].at - begun
            else:
                watch.watched = loop.time() - begun
