"""Pushes messages one by one, many of them empty, and checks those that the client sends.

A pause stands after each, so that most travel alone. The client may send the same messages of its
own accord, or send back each that comes.
"""

from __future__ import annotations

import asyncio
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from byway.transports.base import Event, Receive, Scope, Send
from tests.apps.handlers import query

DONE = 4321
"""The code of the close that comes after everything."""

QUICK = ServerLimits(heartbeat=1.0, window=30.0)
"""A carrier that has gone silent is given up after two seconds."""

UPLOADED = 4_800_000
"""Bytes that the client sends at the end where it is asked for them, in pieces."""

PIECE = 80_000
"""Bytes of a piece."""


def message(number: int) -> str | bytes:
    """Make the message with a number: two in six empty, one in fifty in parts."""
    match number % 6:
        case 0 | 1:
            return "" if number % 12 < 6 else b""
        case 2 | 3:
            return f"{number}: grüße {'🛣' * (5_000 if number % 50 == 3 else number % 40)}"
        case _:
            return number.to_bytes(4, "big") * (6_000 if number % 50 == 5 else 1 + number % 40)


def piece(number: int) -> bytes:
    """Make a piece of the upload."""
    return number.to_bytes(4, "big") * (PIECE // 4)


async def handler(channel: Channel) -> None:
    """Push, check what comes, and close with what was counted."""
    asked = query(cast(ServerChannel, channel).scope)
    count, pause = int(asked.get("count", "0")), float(asked.get("pause", "0"))
    pieces = int(asked.get("upload", "0")) // PIECE
    await channel.accept()
    wrong: list[str] = []

    async def push() -> None:
        for number in range(count):
            await channel.send(message(number))
            await asyncio.sleep(pause)

    async def take() -> None:
        for number in range(count):
            check(f"message {number}", await channel.receive(), message(number))
        for number in range(pieces):
            check(f"piece {number}", await channel.receive(), piece(number))

    def check(name: str, came: str | bytes | None, expected: str | bytes) -> None:
        if came != expected and not wrong:
            wrong.append(f"at {name} came {came[:20] if came else came!r}")

    async with asyncio.TaskGroup() as group:
        group.create_task(push())
        group.create_task(take())
    await channel.close(DONE, " ".join(wrong) or f"{count} up, {pieces} pieces")


app = Endpoint(handler, limits=QUICK)


async def dropping(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve it behind something that loses WebSocket messages without bytes, both ways."""

    async def receive_some() -> Event:
        while True:
            event = await receive()
            empty = not (event.get("text") or event.get("bytes"))
            if event["type"] != "websocket.receive" or not empty:
                return event

    async def send_some(event: Event) -> None:
        empty = not (event.get("text") or event.get("bytes"))
        if event["type"] != "websocket.send" or not empty:
            await send(event)

    await app(scope, receive_some, send_some)
