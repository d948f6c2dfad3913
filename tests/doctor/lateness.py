"""How late the machine was while the doctor looked, and what it may say of times then.

Knows: the event loop, and how a time stands in an outcome.
Must not know: which networks are examined.
"""

from __future__ import annotations

import asyncio
import re


class Lateness:
    """How late the event loop of the examinations has been, at most, in seconds.

    What the doctor says of a time can be wrong by as much, and is compared with what the network
    was told within it.
    """

    EVERY = 0.02

    def __init__(self) -> None:
        """Begin with none."""
        self.most = 0.0

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self.EVERY
            await asyncio.sleep(self.EVERY)
            self.most = max(self.most, loop.time() - due)


def says(wanted: str, outcome: str, late: float) -> bool:
    """Say whether an outcome is what a pattern wants: a time as told, or up to a second from it."""
    told = re.search(r"\{(.+?)\}", wanted)
    if told is None:
        return re.fullmatch(wanted, outcome) is not None
    before, after = map(re.escape, (wanted[: told.start()], wanted[told.end() :]))
    found = re.fullmatch(rf"{before}(\d+(?:\.\d)?){after}", outcome)
    return found is not None and abs(float(found[1]) - float(told[1])) <= 1.0 + late
