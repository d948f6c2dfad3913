"""Padding after CLOSE, at the end of an endless response.

Knows: that some networks hold each piece of a response until the next one comes.
Must not know: how frames travel in a response.

CLOSE is the last frame that a server sends, so such a network would hold it until the next
heartbeat. Clients of every version ignore padding.
"""

from __future__ import annotations

import asyncio
from typing import Final

from byway.frames import PAD, encode
from byway.runtime import LiveCarrier
from byway.session import State

PADDING: Final = encode(PAD)

APART: Final = 0.02
"""Seconds between CLOSE and the padding, so that the padding is a piece of its own."""


async def is_padding_due(carrier: LiveCarrier) -> bool:
    """Say, a moment after frames were written, whether padding is to follow them."""
    core = carrier.live.core
    if core.state is State.OPEN or core.outbox.has(carrier.core.cursor):
        return False
    await asyncio.sleep(APART)
    return not (carrier.core.ended or core.finished or core.pending(carrier.core))
