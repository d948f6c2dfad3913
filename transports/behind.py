"""Behind CLOSE: padding at the end of an endless answer.

Knows: that some networks pass each piece of an answer on when the next one comes.
Must not know: how frames travel in an answer.

CLOSE is the last that a server says, so there it would wait for the next heartbeat. Clients of
every version pass padding over.
"""

from __future__ import annotations

import asyncio
from typing import Final

from byway.frames import PAD, encode
from byway.runtime import LiveCarrier
from byway.session import State

PADDING: Final = encode(PAD)

APART: Final = 0.02
"""Seconds after CLOSE, so that padding is a piece of its own."""


async def is_padding_due(carrier: LiveCarrier) -> bool:
    """Say, a moment after frames were written, whether padding is to follow them."""
    core = carrier.live.core
    if core.state is State.OPEN or core.outbox.has(carrier.core.cursor):
        return False
    await asyncio.sleep(APART)
    return not (carrier.core.ended or core.finished or core.pending(carrier.core))
