"""The server's half of an upload: frames are taken as they come.

Knows: when an upload is answered.
Must not know: how frames come down, the client's half (`upload.py`).
"""

from __future__ import annotations

import asyncio
from typing import Final

from byway.frames import Decoder, Frame
from byway.handshake import UP_ANSWER
from byway.runtime import LiveSession
from byway.session import Intake
from byway.transports.base import Exchange, first_of

LAST_PIECE: Final = 1.0
"""Seconds that a client has to end the body of a session that is over. On HTTP/2 Hypercorn 0.18
lets the whole connection hang when a body goes on after its response (its issue 329)."""

_NEWER: Final = "newer upload"
"""In `LiveSession.transport_state`: set when a newer upload begins."""


async def take_upload(
    exchange: Exchange, live: LiveSession, decoder: Decoder, frames: list[Frame], *, more: bool
) -> None:
    """Take frames as they come until the body, or the session, ends: the server's half.

    A newer upload of the session ends the older.

    Args:
        exchange: the call, of whose body the beginning has been read.
        live: the session.
        decoder: holds what was read of the next frame.
        frames: those that were whole by then, without HELLO.
        more: whether there is more to come.

    Raises:
        FrameError: the frames are against the protocol.
    """
    intake = Intake(ordered=True)
    newer = asyncio.Event()
    if (before := live.transport_state.get(_NEWER)) is not None:
        before.set()
    live.transport_state[_NEWER] = newer

    async def take() -> None:
        live.feed(intake, frames)
        coming = more
        while coming:
            event = await exchange.receive()
            if event["type"] == "http.disconnect":
                return
            live.feed(intake, decoder.feed(event.get("body", b"")))
            coming = event.get("more_body", False)
        decoder.finish()

    async def finished() -> None:
        await live.finished.wait()
        await asyncio.sleep(LAST_PIECE)

    async def followed() -> None:
        await newer.wait()

    await first_of(take(), finished(), followed())
    await exchange.acknowledge(UP_ANSWER, live, None)
