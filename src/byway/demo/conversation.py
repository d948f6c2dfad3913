"""The conversation of the demonstration's page: numbered messages both ways, and all are checked.

Knows: the handler interface, what the page says and is told.
Must not know: transports, the network, that a browser is at the other end.

Every message is a JSON object with a `kind`. The page sends `message` (`number`, `at`: a time of
its own) and `sent` (`number`: how many it has sent). It is told `echo` (the same `number` and
`at`), `push` (`number`, counted here), `counts` (`sent`: pushes; the tally of what came up), and
`machine` (`figures`).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from byway import Channel, ChannelClosed
from byway.demo.machine import Machine
from byway.demo.tally import Tally

PUSH_INTERVAL = 0.05
"""Seconds between two messages that are sent unasked."""

COUNTS_INTERVAL = 0.25
"""Seconds between two reports of the counts."""

MACHINE_INTERVAL = 1.0
"""Seconds between two reports of the machine's figures."""


async def converse(channel: Channel) -> None:
    """Send back what comes, push messages all the time, and report how both streams fared."""
    await channel.accept()
    await _Conversation(channel).run()


class _Conversation:
    """One page's."""

    def __init__(self, channel: Channel) -> None:
        """Start with nothing sent."""
        self._channel = channel
        self._tally = Tally()
        self._pushed = 0

    async def run(self) -> None:
        """Go on until the page closes it."""
        try:
            async with asyncio.TaskGroup() as group:
                jobs = (self._push(), self._report_counts(), self._report_machine())
                tasks = [group.create_task(job) for job in jobs]
                async for message in self._channel:
                    await self._answer(json.loads(message))
                for task in tasks:
                    task.cancel()
        except* ChannelClosed:
            pass  # one of them was sending while the page left

    async def _say(self, kind: str, **rest: Any) -> None:
        await self._channel.send(json.dumps({"kind": kind, **rest}, separators=(",", ":")))

    async def _answer(self, said: dict[str, Any]) -> None:
        number = int(said["number"])
        if said["kind"] == "message":
            self._tally.note(number)
            await self._say("echo", number=number, at=said["at"])
        elif said["kind"] == "sent":
            self._tally.settle(number)

    async def _push(self) -> None:
        while True:
            await self._say("push", number=self._pushed + 1)
            # Counted once it is on its way: a report says only of those that they went before it.
            self._pushed += 1
            await asyncio.sleep(PUSH_INTERVAL)

    async def _report_counts(self) -> None:
        while True:
            await self._say("counts", sent=self._pushed, **self._tally.as_json())
            await asyncio.sleep(COUNTS_INTERVAL)

    async def _report_machine(self) -> None:
        machine = Machine()
        while True:
            await asyncio.sleep(MACHINE_INTERVAL)
            await self._say("machine", figures=machine.figures())
